"""`python -m providers.sandbox.demo`."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from providers.sandbox.demo.performance import perform
from providers.sandbox.demo.processes import DemoError

CHECKOUT = Path(__file__).parents[3]
COLUMNS = 100

cli = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@cli.command()
def main(
    output: Annotated[Path, typer.Option(metavar="FOLDER", help="Where videos, logs and the database go.")] = (
        CHECKOUT / "demo-output"
    ),
    config: Annotated[Path, typer.Option(metavar="FILE", help="The router's configuration; ports are replaced.")] = (
        CHECKOUT / "config" / "demo.yaml"
    ),
) -> None:
    """Run the sandbox and a router, make videos through the official SDK, and compare everybody's books."""
    console = Console(highlight=False)
    console = Console(highlight=False, width=min(COLUMNS, console.width) if console.is_terminal else COLUMNS)
    try:
        good = asyncio.run(perform(console, output, config))
    except DemoError as error:
        console.print(f"demo: {error}", style="red", markup=False, soft_wrap=True)
        good = False
    except (KeyboardInterrupt, asyncio.CancelledError):
        console.print("demo: stopped, and with it the router and the sandbox")
        sys.exit(130)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    cli()
