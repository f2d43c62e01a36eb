"""`--plot FILE`: the picture that a command draws beside its tables, where there is something to draw with."""

from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from router.commands.terminal import stop

Plot = Annotated[Path | None, typer.Option(metavar="FILE", help="Draw it into this PNG, too; needs the extra `plot`.")]


def check_drawing(plot: Path | None) -> None:
    """See before all the work whether there is anything to draw with."""
    if plot is None:
        return
    try:
        import_module("matplotlib")
    except ImportError:
        stop("--plot needs matplotlib; install it with: pip install 'video-router[plot]'")


def drawn(module: str, function: str, found: object, plot: Path | None) -> None:
    """Let a module that needs matplotlib draw what was found, if anybody wants that."""
    if plot is None:
        return
    try:
        getattr(import_module(module), function)(found, plot)
    except OSError as error:
        stop(f"{plot} cannot be written: {error.strerror}")
