"""`video-router top`: a running router as it is now."""

import sys
from typing import Annotated

import typer

from router.commands.options import Admin
from router.commands.terminal import console, stop
from router.top.endpoint import LOCAL, AddressError, Endpoint, NoOverviewError
from router.top.watching import print_document, print_once, watch


def top(
    admin: Admin = LOCAL,
    interval: Annotated[float, typer.Option(min=0.2, max=3600, help="Seconds between two looks.")] = 2.0,
    once: Annotated[bool, typer.Option("--once", help="Print it once, as where there is no terminal.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the overview itself once, money in micro-USD.")
    ] = False,
) -> None:
    """Watch a running router: its providers, jobs, money and last failures; Ctrl-C ends it."""
    try:
        endpoint = Endpoint(admin)
        if as_json:
            print_document(endpoint)
        elif once or not sys.stdout.isatty() or console().is_dumb_terminal:
            print_once(endpoint, console())
        else:
            watch(endpoint, console(), interval)
    except (AddressError, NoOverviewError) as error:
        stop(str(error))
