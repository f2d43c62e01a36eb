"""A video of the mirror on its way to a caller: the whole of it or one part, sent by the kernel where it can be."""

import asyncio
import os
import re
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar

from router.engine.exchange import ContentError, ContentStream
from router.engine.mirror_disk import MirrorDisk

T = TypeVar("T")
_RANGE: Final = re.compile(r"bytes=(?:(\d{1,18})-(\d{0,18})|-(\d{1,18}))")
# As much as a thread may have to get from the disk at once, and what is copied at once where the kernel cannot send.
_SENT_BYTES_MAX: Final = 4 << 20
_READ_BYTES_MAX: Final = 1 << 18


@dataclass(frozen=True, slots=True)
class Slice:
    """What of a file answers a request, and with which status; RFC 9110, section 14."""

    status: int
    start: int
    count: int

    @classmethod
    def asked(cls, headers: Mapping[str, str], tag: str, content_bytes: int) -> "Slice":
        """Read a Range and its If-Range; whatever is no single range of bytes means all of them."""
        told = {name.lower(): value for name, value in headers.items()}
        found = _RANGE.fullmatch(told.get("range", ""))
        if found is None or told.get("if-range", tag) != tag:
            return cls(200, 0, content_bytes)
        first, last, suffix = found.groups()
        start = int(first) if first else max(0, content_bytes - int(suffix))
        stop = min(int(last) + 1, content_bytes) if last else content_bytes
        if last and int(last) < start:
            return cls(200, 0, content_bytes)
        return cls(206, start, stop - start) if start < content_bytes else cls(416, 0, 0)

    def headers(self, tag: str, content_bytes: int) -> dict[str, str]:
        """Return the headers of the answer."""
        match self.status:
            case 206:
                part = {"content-range": f"bytes {self.start}-{self.start + self.count - 1}/{content_bytes}"}
            case 416:
                part = {"content-range": f"bytes */{content_bytes}"}
            case _:
                part = {}
        return {"content-length": str(self.count), "etag": tag, **part}


class KeptFile:
    """An open video of the mirror, for one reader. Threads wait for the disk, the loop for the reader."""

    def __init__(self, disk: MirrorDisk, descriptor: int, content_bytes: int) -> None:
        self._disk = disk
        self._descriptor = descriptor
        self._content_bytes = content_bytes
        self._socket = -1
        self._start = self.left = 0
        self._work: asyncio.Future[Any] | None = None

    def answer(self, headers: Mapping[str, str], tag: str) -> ContentStream:
        """Answer a request with the file or a part of it."""
        part = Slice.asked(headers, tag, self._content_bytes)
        self._start, self.left = part.start, part.count
        return ContentStream(part.status, part.headers(tag, self._content_bytes), self._chunks(), self)

    def attach(self, socket: int) -> int:
        """Send to this socket from now on; return a descriptor of it that stays valid until `close`."""
        self._socket = os.dup(socket)
        return self._socket

    async def send(self) -> int:
        """Hand the next bytes to the socket's buffer and return how many; 0 when there is no room. Raises OSError."""
        sent = await self._threaded(partial(_sent, self._socket, self._descriptor, self._start, self.left))
        if sent is None:
            return 0
        return self._passed(sent)

    def close(self) -> None:
        """Close it, once the thread that uses it is done: a number that is used again must not be written to."""
        if self._work is not None and not self._work.done():
            self._work.add_done_callback(lambda _: self._close())
        else:
            self._close()

    async def _chunks(self) -> AsyncGenerator[bytes, None]:
        while self.left:
            count = min(self.left, _READ_BYTES_MAX)
            chunk = await self._threaded(partial(os.pread, self._descriptor, count, self._start))
            self._passed(len(chunk))
            yield chunk

    async def _threaded(self, work: Callable[[], T]) -> T:
        reading = self._disk.read(work)
        self._work = reading
        return await asyncio.shield(reading)

    def _passed(self, count: int) -> int:
        if not count:
            raise ContentError("the kept video ends too early")
        self._start, self.left = self._start + count, self.left - count
        return count

    def _close(self) -> None:
        for descriptor in (self._descriptor, self._socket):
            if descriptor >= 0:
                os.close(descriptor)
        self._descriptor = self._socket = -1


def _sent(socket: int, file: int, start: int, count: int) -> int | None:
    try:
        return os.sendfile(socket, file, start, min(count, _SENT_BYTES_MAX))
    except BlockingIOError:
        return None
