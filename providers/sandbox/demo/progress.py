"""Every job's progress: bars on a terminal, one line per change anywhere else."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

_NAME_WIDTH: Final = 16


class Board(Protocol):
    """Where progress is shown, by a job's name."""

    def show(self, name: str, percent: int, status: str) -> None:
        """Show how far a job is."""

    def end(self, name: str, words: str, refused: bool = False) -> None:
        """Show how a job ended."""


@contextmanager
def board(console: Console) -> Iterator[Board]:
    """Choose by where the output goes."""
    if not console.is_terminal:
        yield _Lines(console)
        return
    columns = (
        TextColumn("  {task.description}"),
        BarColumn(bar_width=28),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[status]}"),
    )
    with Progress(*columns, console=console) as progress:
        yield _Bars(progress)


class _Bars:
    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def show(self, name: str, percent: int, status: str) -> None:
        # A bar of unknown length pulses: some dialects tell no progress before the end.
        self._progress.update(self._task(name), completed=percent, total=100 if percent else None, status=status)

    def end(self, name: str, words: str, refused: bool = False) -> None:
        task = self._task(name)
        if refused:
            self._progress.update(task, total=100, status=f"[red]{words}[/]")
        else:
            self._progress.update(task, completed=100, total=100, status=f"[green]{words}[/]")
        self._progress.stop_task(task)

    def _task(self, name: str) -> TaskID:
        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task(f"{name:{_NAME_WIDTH}}", total=100, status="sent")
        return self._tasks[name]


class _Lines:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = time.monotonic()
        self._running: set[str] = set()

    def show(self, name: str, percent: int, status: str) -> None:  # noqa: ARG002 - the Board's signature
        if status == "in_progress" and name not in self._running:
            self._running.add(name)
            self._print(name, status)

    def end(self, name: str, words: str, refused: bool = False) -> None:
        self._print(name, f"{words}, no video" if refused else words)

    def _print(self, name: str, words: str) -> None:
        since = time.monotonic() - self._began
        self._console.print(f"  {since:5.1f} s  {name:{_NAME_WIDTH}} {words}", markup=False, soft_wrap=True)
