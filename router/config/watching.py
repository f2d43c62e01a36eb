"""Watches the configuration's files, so that saving one is enough to put it in force."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from pathlib import Path
from stat import S_ISREG
from typing import NamedTuple, TypeAlias

from router.config.reader import begun


class _Mark(NamedTuple):
    """By what a file is known to be another one, or to have changed, without reading it."""

    device: int
    inode: int
    size: int
    modified_ns: int
    changed_ns: int
    regular: bool


_Marks: TypeAlias = dict[Path, _Mark | None]


class Watching:
    """Looks at `files`, and calls `reload` once they are as they were a look ago, but not as they were read.

    `reload` says whether they were read: if not, it is called again. Links are followed, so one that is put in
    another's place counts. What can be read only once, as a pipe, is not watched.
    """

    def __init__(self, files: Callable[[], Iterable[Path]], reload: Callable[[], Awaitable[bool]]) -> None:
        self._files = files
        self._reload = reload
        self._before: _Marks | None = None
        self._read: _Marks | None = None

    async def run(self, every_s: float) -> None:
        """Look again and again until cancelled; a disk that does not answer is waited for."""
        while True:
            await asyncio.sleep(every_s)
            # Without a thread to be had now there may be one at the next look.
            with suppress(RuntimeError):
                await self.look()

    async def look(self) -> None:
        """Look once."""
        _, looked = begun(self._look)
        marks = await looked
        # What an editor has half written is another file at the next look.
        settled = marks == self._before and all(mark is None or mark.regular for mark in marks.values())
        self._before = marks
        if settled and marks != self._read and await self._reload():
            self._read = marks

    def _look(self) -> _Marks:
        return {file: _mark(file) for file in self._files()}


def _mark(file: Path) -> _Mark | None:
    try:
        found = file.stat()
    except (OSError, ValueError):
        return None
    times = (found.st_mtime_ns, found.st_ctime_ns)
    return _Mark(found.st_dev, found.st_ino, found.st_size, *times, S_ISREG(found.st_mode))
