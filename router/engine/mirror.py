"""Finished videos on this machine's disk, for when the link to where they were made is dead. Off unless configured."""

import asyncio
import os
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, closing

from router.core.clock import Clock
from router.core.events import Emit, MirrorOperation
from router.core.limits import MirrorSettings
from router.engine.mirror_copy import MirrorCopy
from router.engine.mirror_disk import MirrorDisk
from router.engine.mirror_file import KeptFile


class Mirror:
    """Keeps the videos that the engine reads, and gives them back for as long as size and age allow."""

    def __init__(self, clock: Clock, emit: Emit) -> None:
        self._clock = clock
        self._emit = emit
        self._disk: MirrorDisk | None = None
        self._copies: set[MirrorCopy] = set()

    def use(self, settings: MirrorSettings | None) -> None:
        """Keep videos by these settings from now on, or none; needs the running loop.

        What is being written goes on in the folder where it began, and the videos of a former folder stay there.
        """
        disk = self._disk
        if disk is not None and settings is not None and settings.folder == disk.settings.folder:
            return disk.use(settings)
        if disk is not None:
            disk.retire()
        self._disk = None if settings is None else MirrorDisk(settings, self._clock, self._emit)
        return None

    async def close(self) -> None:
        """Finish what is being put onto the disk, and let go of the folder."""
        disk, self._disk = self._disk, None
        if disk is not None:
            await disk.idle()
            disk.retire()

    def may_hold(self, attempt_id: str) -> bool:
        """Whether the video may be here; only `found` knows."""
        disk = self._disk
        return disk is not None and (disk.why_closed is not None or attempt_id in disk.shelf)

    @asynccontextmanager
    async def found(self, attempt_id: str, content_bytes: int) -> AsyncIterator[KeptFile | None]:
        """Open a video that has to have that length; None when it is not here."""
        async with self._using() as disk:
            file = None if disk is None else await _opened(disk, attempt_id, content_bytes)
            if file is None:
                yield None
                return
            with closing(file):
                yield file

    @asynccontextmanager
    async def copying(self, attempt_id: str) -> AsyncIterator[MirrorCopy | None]:
        """Put one video in, unless the block is left before its `keep`; None when none is wanted."""
        async with self._using() as disk:
            if disk is None:
                yield None
                return
            copy = MirrorCopy(disk, attempt_id)
            if disk.why_closed is not None:
                copy.give_up(disk.why_closed)
            self._copies.add(copy)
            try:
                yield copy
            finally:
                self._copies.discard(copy)
                copy.close()

    async def forget(self, attempt_ids: Collection[str]) -> None:
        """Remove videos that nobody may have any more, those included that are being written."""
        for copy in self._copies:
            copy.is_unwanted = copy.is_unwanted or copy.attempt_id in attempt_ids
        if self._disk is not None:
            await self._disk.forget(attempt_ids)

    @asynccontextmanager
    async def _using(self) -> AsyncIterator[MirrorDisk | None]:
        disk = self._disk
        if disk is None:
            yield None
            return
        try:
            await disk.entered()
            yield disk
        finally:
            disk.left()


async def _opened(disk: MirrorDisk, attempt_id: str, content_bytes: int) -> KeptFile | None:
    if disk.why_closed is not None or attempt_id not in disk.shelf or not content_bytes:
        disk.tell(MirrorOperation.MISS)
        return None
    opening = disk.read(lambda: disk.folder.find(attempt_id, content_bytes))
    try:
        descriptor = await asyncio.shield(opening)
    except asyncio.CancelledError:
        opening.add_done_callback(_close)
        raise
    file = None if descriptor is None else KeptFile(disk, descriptor, content_bytes)
    if file is None:
        disk.shelf.drop(attempt_id)
    disk.tell(MirrorOperation.MISS if file is None else MirrorOperation.HIT)
    return file


def _close(opening: asyncio.Future[int | None]) -> None:
    """Close what was opened for somebody who is gone."""
    if not opening.cancelled() and (descriptor := opening.result()) is not None:
        os.close(descriptor)
