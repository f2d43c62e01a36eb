"""A video on its way into the mirror, written behind whoever reads it from upstream."""

import asyncio
import errno
from functools import partial
from typing import Final

from router.core.events import MirrorOperation
from router.engine.mirror_disk import MirrorDisk
from router.engine.mirror_folder import VideoPart

_BATCH_BYTES: Final = 1 << 20
DISK_BEHIND_S_MAX: Final = 20.0
"""How long in all the reading of a video may be kept waiting by a slow disk, before it goes on without."""
_KEPT_WITHIN_S: Final = 2.0
_TOO_LARGE: Final = "the video is larger than what the mirror may hold beside those being written"


class MirrorCopy:
    """Takes a video's bytes as they pass, and keeps them once told that they are one. Nothing here fails its reader.

    At most two batches are in memory: one that is filled while the other is written. The reader waits when the disk
    is behind, for a while. Without `keep`, `close` leaves nothing behind, as does `keep` of one that is unwanted.
    """

    def __init__(self, disk: MirrorDisk, attempt_id: str) -> None:
        self.attempt_id = attempt_id
        self.is_unwanted = False
        self._disk = disk
        self._part: VideoPart | None = None
        self._batch: list[bytes] = []
        self._batch_bytes = self._reserved_bytes = 0
        self._writing: asyncio.Future[None] | None = None
        self._patience_s = DISK_BEHIND_S_MAX
        self._is_over = False

    def expect(self, content_bytes: int) -> None:
        """Give up at once where the mirror would have to be emptied for nothing."""
        if content_bytes > self._disk.settings.bytes_max:
            self.give_up(_TOO_LARGE)

    async def take(self, chunk: bytes) -> None:
        """Add the next bytes."""
        if self._is_over:
            return
        self._batch.append(chunk)
        self._batch_bytes += len(chunk)
        if self._batch_bytes >= _BATCH_BYTES:
            await self._write()

    async def keep(self) -> None:
        """Keep what was taken: it is a whole video. Returns when it is on the disk, or goes on in the background."""
        await self._write()
        if self.is_unwanted or not await self._written():
            self.close()
            return
        self._is_over, content_bytes = True, self._reserved_bytes
        keeping = self._disk.write(self._kept)
        keeping.add_done_callback(partial(self._ended, content_bytes))
        await asyncio.wait({keeping}, timeout=min(self._patience_s, _KEPT_WITHIN_S))

    def give_up(self, cause: str) -> None:
        """Go on without a copy, and say why."""
        if not self._is_over:
            self.close()
            self._disk.tell(MirrorOperation.FAILED, cause)

    def close(self) -> None:
        """Leave nothing of what was not kept."""
        if self._is_over:
            return
        self._is_over = True
        self._batch.clear()
        # A write under way is done by then: the thread does one thing after the other.
        self._disk.write(self._discard).add_done_callback(lambda _: self._disk.shelf.release(self._reserved_bytes))

    async def _write(self) -> None:
        """Give the batch to the thread, once it is done with the last one."""
        if not await self._written():
            return
        if not self._disk.reserve(self._batch_bytes):
            self.give_up(_TOO_LARGE)
            return
        batch, self._batch = self._batch, []
        self._reserved_bytes += self._batch_bytes
        self._batch_bytes = 0
        self._writing = self._disk.write(partial(self._append, batch))
        self._writing.add_done_callback(_seen)

    async def _written(self) -> bool:
        """Wait for the batch that is being written; False when there is no copy any more."""
        writing, self._writing = self._writing, None
        if writing is not None and not self._is_over:
            waited = await self._waited(writing)
            if waited is not None:
                self.give_up(waited)
        return not self._is_over

    async def _waited(self, writing: asyncio.Future[None]) -> str | None:
        """Wait within the patience that is left; return what went wrong."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        await asyncio.wait({writing}, timeout=self._patience_s)
        self._patience_s = max(0.0, self._patience_s - (loop.time() - began))
        if not writing.done():
            return "the disk is too slow"
        error = writing.exception()
        return None if error is None else _told(error)

    def _append(self, batch: list[bytes]) -> None:
        folder = self._disk.folder
        if folder.free_bytes() - sum(map(len, batch)) < self._disk.settings.free_bytes_min:
            raise OSError(errno.ENOSPC, "the disk has less than content.free_bytes_min left")
        if self._part is None:
            self._part = folder.begin(self.attempt_id)
        self._part.write(batch)

    def _kept(self) -> None:
        try:
            if self._part is not None:
                self._part.keep(self.attempt_id)
        except OSError:
            self._discard()
            raise

    def _discard(self) -> None:
        if self._part is not None:
            self._part.discard()

    def _ended(self, content_bytes: int, keeping: asyncio.Future[None]) -> None:
        self._disk.shelf.release(content_bytes)
        error = keeping.exception()
        if error is not None:
            self._disk.tell(MirrorOperation.FAILED, _told(error))
        else:
            self._disk.put(self.attempt_id, content_bytes)


def _told(error: BaseException) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or type(error).__name__


def _seen(ended: asyncio.Future[None]) -> None:
    """Take note of how a write ended that nobody may wait for."""
    if not ended.cancelled():
        ended.exception()
