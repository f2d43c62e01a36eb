"""Videos on their way into a caller's connection: as fast as he reads, and not for longer than he does."""

import asyncio
from collections.abc import Awaitable
from typing import Self

from aiohttp import web

from router.engine.exchange import ContentStream, SendableFile


class Patience:
    """Hangs up on a caller who reads nothing for `stall_s`.

    One timer for a stream: one for every chunk costs a tenth of what all the copying costs.
    """

    def __init__(self, transport: asyncio.Transport | None, stall_s: float) -> None:
        self._transport = transport
        self._stall_s = stall_s
        self._loop = asyncio.get_running_loop()
        self._writing_since: float | None = None
        self._is_over = False

    def __enter__(self) -> Self:
        self._timer = self._loop.call_later(self._stall_s, self._look)
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    async def during(self, write: Awaitable[None]) -> None:
        """Write, and wait until there is room for more; raises TimeoutError."""
        self._writing_since = self._loop.time()
        await write
        self._writing_since = None
        if self._is_over:
            raise TimeoutError

    def _look(self) -> None:
        stalled_s = 0.0 if self._writing_since is None else self._loop.time() - self._writing_since
        self._is_over = stalled_s >= self._stall_s
        if not self._is_over:
            self._timer = self._loop.call_later(self._stall_s - stalled_s, self._look)
        elif self._transport is not None:
            # Whoever waits for room is told that the connection is lost.
            self._transport.abort()


class Sending:
    """One answer's bytes, and how many of them were handed over so far."""

    def __init__(self, transport: asyncio.Transport | None, response: web.StreamResponse, stall_s: float) -> None:
        self.content_bytes = 0
        self._response = response
        self._transport = transport
        self._stall_s = stall_s

    async def send(self, stream: ContentStream) -> None:
        """Send all of a stream; raises ContentError, TimeoutError and OSError."""
        descriptor = None if stream.file is None else _plain_socket(self._transport)
        if stream.file is not None and descriptor is not None:
            await self._send_file(stream.file, stream.file.attach(descriptor))
            await self._response.write_eof()
            return
        with Patience(self._transport, self._stall_s) as patience:
            async for chunk in stream.chunks:
                await patience.during(self._response.write(chunk))
                self.content_bytes += len(chunk)
            await patience.during(self._response.write_eof())

    async def _send_file(self, file: SendableFile, descriptor: int) -> None:
        while file.left:
            sent = await file.send()
            self.content_bytes += sent
            if not sent:
                async with asyncio.timeout(self._stall_s):
                    await _writable(descriptor)


def _plain_socket(transport: asyncio.Transport | None) -> int | None:
    """The socket's descriptor, where the kernel may write to it: nothing waits to be encrypted, or to be written."""
    if transport is None or transport.is_closing():
        raise ConnectionResetError("the caller hung up")
    connection = transport.get_extra_info("socket")
    encrypted = transport.get_extra_info("sslcontext") is not None
    if connection is None or encrypted or transport.get_write_buffer_size():
        return None
    descriptor: int = connection.fileno()
    return descriptor


async def _writable(descriptor: int) -> None:
    """Wait until a socket has room."""
    loop, room = asyncio.get_running_loop(), asyncio.Event()
    loop.add_writer(descriptor, room.set)
    try:
        await room.wait()
    finally:
        loop.remove_writer(descriptor)
