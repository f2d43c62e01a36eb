"""What every command does with a terminal: where it prints, and how it ends when it cannot do what it was asked for."""

import os
import sys
from typing import NoReturn

import typer
from rich.console import Console


def console() -> Console:
    """Give tables room when nobody looks at them in a terminal, and nobody says how much."""
    return Console(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else 120)


def say(words: str) -> None:
    """Print one line as it is, and break it nowhere: it may be copied, or read by a program."""
    console().print(words, markup=False, highlight=False, soft_wrap=True)


def warn(warning: str) -> None:
    """Tell a warning where it gets into no other program's way."""
    Console(stderr=True).print(f"warning: {warning}", markup=False, highlight=False, soft_wrap=True)


def stop(message: str) -> NoReturn:
    """End with 2 and say why."""
    Console(stderr=True).print(message, style="red", markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(2)
