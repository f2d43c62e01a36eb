"""One folder of the mirror in use: threads that do its work, and the count of what is in it."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from math import inf
from typing import Final, TypeVar

from router.core.clock import Clock
from router.core.events import Emit, MirrorOperation, MirrorUsed
from router.core.limits import MirrorSettings
from router.engine.mirror_folder import KeptVideo, MirrorFolder
from router.engine.mirror_shelf import MirrorShelf

T = TypeVar("T")
_LOG = logging.getLogger(__name__)
OPEN_AGAIN_AFTER_S: Final = 10.0
"""How often at most a folder that cannot be used is tried again."""
_SWEEP_EVERY_S: Final = 60.0
_OPENS_WITHIN_S: Final = 5.0
_READERS: Final = 4
# Counting a hundred thousand videos at once would hold everybody else up.
_COUNTED_AT_ONCE: Final = 2_000
_STOPS_WITHIN_S: Final = 3.0


class MirrorDisk:
    """A single thread changes the folder, so that what is asked of it happens in that order; others read.

    `why_closed` is why the folder cannot be used, or None. Everything is called on the loop that it was made on.
    """

    def __init__(self, settings: MirrorSettings, clock: Clock, emit: Emit) -> None:
        self.settings = settings
        self.folder = MirrorFolder(settings.folder)
        self.shelf = MirrorShelf(settings.bytes_max)
        self.why_closed: str | None = "its folder is not open yet"
        self._clock = clock
        self._emit = emit
        self._loop = asyncio.get_running_loop()
        self._writer = ThreadPoolExecutor(1, "mirror-writer")
        self._readers = ThreadPoolExecutor(_READERS, "mirror-reader")
        self._open_again_at = -inf
        self._sweeping: asyncio.TimerHandle | None = None
        self._users = 0
        self._is_retired = False
        self._opening: asyncio.Task[None] | None = self._loop.create_task(self._open())

    def use(self, settings: MirrorSettings) -> None:
        """Go on with other limits."""
        self.settings, self.shelf.bytes_max = settings, settings.bytes_max
        if self.why_closed is None:
            self._sweep()

    def write(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Have the writing thread do something, after everything that it was asked before."""
        return self._loop.run_in_executor(self._writer, work)

    def read(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Have a reading thread do something."""
        return self._loop.run_in_executor(self._readers, work)

    async def entered(self) -> None:
        """Be used by one more, until it has `left`; waits a while for a folder that is being opened."""
        self._users += 1
        if self.why_closed is not None and self._opening is None and self._clock.monotonic() >= self._open_again_at:
            self._opening = self._loop.create_task(self._open())
        if self._opening is not None:
            await asyncio.wait({self._opening}, timeout=_OPENS_WITHIN_S)

    def left(self) -> None:
        """Be used by one less."""
        self._users -= 1
        self._close_if_idle()

    def retire(self) -> None:
        """Let go of the folder as soon as nobody uses it and everything asked of it is done; blocks nobody."""
        self._is_retired = True
        self._close_if_idle()

    async def idle(self) -> None:
        """Wait until everything asked of the folder is done, for a while."""
        if self._opening is not None:
            await asyncio.wait({self._opening}, timeout=_STOPS_WITHIN_S)
        await asyncio.wait({self.write(lambda: None)}, timeout=_STOPS_WITHIN_S)

    def reserve(self, more_bytes: int) -> bool:
        """Make room for bytes about to be written, at the cost of the oldest videos; False when there is none."""
        room = self.shelf.reserve(more_bytes)
        self._evict(room.evicted)
        return room.fits

    def put(self, attempt_id: str, content_bytes: int) -> None:
        """Count a video that is there now."""
        self.shelf.put((KeptVideo(attempt_id, content_bytes, self._clock.wall()),))
        self.tell(MirrorOperation.KEPT)

    async def forget(self, attempt_ids: Iterable[str]) -> None:
        """Remove videos that nobody may have any more."""
        ids = tuple(attempt_ids)
        try:
            await self.write(lambda: self.folder.remove(ids))
        except OSError as error:
            self.tell(MirrorOperation.FAILED, error.strerror)
        # Only now: one of them may just have been put.
        for attempt_id in ids:
            self.shelf.drop(attempt_id)

    def tell(self, operation: MirrorOperation, cause: str | None = None, count: int = 1) -> None:
        """Let everybody know what happened, and how much is held after it."""
        self._emit(MirrorUsed(operation, self.shelf.held_bytes, len(self.shelf), cause, count))

    async def _open(self) -> None:
        try:
            await self.write(self.folder.open)
            found = await self.write(self.folder.scan)
            for start in range(0, len(found), _COUNTED_AT_ONCE):
                self.shelf.put(found[start : start + _COUNTED_AT_ONCE])
                await asyncio.sleep(0)
        except OSError as error:
            self.why_closed = error.strerror or "its folder cannot be opened"
            self._open_again_at = self._clock.monotonic() + OPEN_AGAIN_AFTER_S
            with suppress(OSError):
                await self.write(self.folder.close)
            self.tell(MirrorOperation.FAILED, self.why_closed)
        else:
            self.why_closed = None
            self.tell(MirrorOperation.FOUND)
            self._sweep()
        finally:
            self._opening = None
            self._close_if_idle()

    def _sweep(self) -> None:
        """Remove what is too old or too much, now and again."""
        if self._sweeping is not None:
            self._sweeping.cancel()
        if not self._is_retired:
            self._evict(self.shelf.surplus(self._clock.wall() - self.settings.age_s_max))
            self._sweeping = self._loop.call_later(_SWEEP_EVERY_S, self._sweep)

    def _evict(self, attempt_ids: tuple[str, ...]) -> None:
        if attempt_ids:
            self.write(lambda: self.folder.remove(attempt_ids)).add_done_callback(_say_if_failed)
            self.tell(MirrorOperation.EVICTED, count=len(attempt_ids))

    def _close_if_idle(self) -> None:
        if self._is_retired and not self._users and self._opening is None:
            if self._sweeping is not None:
                self._sweeping.cancel()
            self._writer.submit(self.folder.close)
            self._writer.shutdown(wait=False)
            self._readers.shutdown(wait=False)


def _say_if_failed(removing: asyncio.Future[None]) -> None:
    if not removing.cancelled() and isinstance(error := removing.exception(), OSError):
        _LOG.warning("a video could not be removed from the mirror: %s", error.strerror)
