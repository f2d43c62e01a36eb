"""The loop of the live view, and the single print where nobody watches."""

import json
import signal
import sys
import time
from typing import NoReturn

from rich.console import Console, RenderableType
from rich.live import Live

from router.core.overview import Overview
from router.top.endpoint import Endpoint, NoOverviewError
from router.top.view import nothing_yet, view


def print_document(endpoint: Endpoint) -> None:
    """Print the document for programs; raises NoOverviewError."""
    body = endpoint.body()
    # What is not ASCII is escaped, so that nothing in it reaches a terminal as it is.
    sys.stdout.write(json.dumps(json.loads(body), indent=2) + "\n")


def print_once(endpoint: Endpoint, console: Console) -> None:
    """Print the view as it is now; raises NoOverviewError."""
    console.print(view(endpoint.overview(), endpoint.url, console.width))


def watch(endpoint: Endpoint, console: Console, interval_s: float) -> None:
    """Show the view, read anew every `interval_s`, until Ctrl-C or SIGTERM; a router that is away may come back."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        _watch(endpoint, console, interval_s)
    except KeyboardInterrupt:
        return


def _watch(endpoint: Endpoint, console: Console, interval_s: float) -> NoReturn:
    last: Overview | None = None
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            trouble = None
            try:
                last = endpoint.overview()
            except NoOverviewError as error:
                trouble = f"{error}; trying again every {interval_s:g} s"
            live.update(_screen(last, endpoint.url, console.width, trouble), refresh=True)
            time.sleep(interval_s)


def _screen(last: Overview | None, url: str, columns: int, trouble: str | None) -> RenderableType:
    return nothing_yet(trouble or "") if last is None else view(last, url, columns, trouble)
