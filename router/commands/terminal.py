"""What every command does with a terminal: where it prints, and how it ends when it cannot do what it was asked for."""

import os
import sys
from typing import TYPE_CHECKING, NoReturn

import typer

if TYPE_CHECKING:
    from rich.console import Console


def console(*, stderr: bool = False) -> "Console":
    """Give tables room when nobody looks at them in a terminal, and nobody says how much."""
    from rich.console import Console  # noqa: PLC0415 - a server only needs it to say why it does not start

    return Console(stderr=stderr, width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else 120)


def say(words: str) -> None:
    """Print one line as it is, and break it nowhere: it may be copied, or read by a program."""
    console().print(words, markup=False, highlight=False, soft_wrap=True)


def warn(warning: str) -> None:
    """Tell a warning where it gets into no other program's way."""
    console(stderr=True).print(f"warning: {warning}", markup=False, highlight=False, soft_wrap=True)


def stop(message: str) -> NoReturn:
    """End with 2 and say why."""
    console(stderr=True).print(message, style="red", markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(2)
