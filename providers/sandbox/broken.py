"""Answers that break off on their way, or take their time over it."""

import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeAlias

from aiohttp import web

Pause: TypeAlias = Callable[[float], Awaitable[None]]
SLOW_PARTS = 20
_LINGER_NOT = struct.pack("ii", 1, 0)


def cut(request: web.Request) -> web.Response:
    """Close the caller's connection; what is returned is never sent."""
    if request.transport is not None:
        request.transport.close()
    return web.Response()


def reset(request: web.Request) -> web.Response:
    """Close the caller's connection with RST instead of FIN; what is returned is never sent."""
    if request.transport is not None:
        request.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
        request.transport.abort()
    return web.Response()


async def send_half(
    request: web.Request, body: bytes, media_type: str, end: Callable[[web.Request], web.Response] = cut
) -> web.StreamResponse:
    """Send half the bytes of the Content-Length, then `end` the connection."""
    response = _stream(body, media_type)
    with suppress(ConnectionError):
        await response.prepare(request)
        await response.write(body[: len(body) // 2])
    end(request)
    return response


async def send_slowly(
    request: web.Request, body: bytes, media_type: str, delay_s: float, pause: Pause
) -> web.StreamResponse:
    """Let the bytes of a body trickle over `delay_s`."""
    response = _stream(body, media_type)
    with suppress(ConnectionError):  # a caller that has had enough goes away
        await response.prepare(request)
        for part in _parts(body):
            await pause(delay_s / SLOW_PARTS)
            await response.write(part)
        await response.write_eof()
    return response


async def send_headers_slowly(
    request: web.Request, body: bytes, media_type: str, delay_s: float, pause: Pause
) -> web.StreamResponse:
    """Let the headers trickle over `delay_s`; the body follows at once, and the connection ends."""
    fields = (f"Content-Type: {media_type}", f"Content-Length: {len(body)}", "Connection: close")
    head = "\r\n".join(("HTTP/1.1 200 OK", *fields, "", "")).encode()
    for part in _parts(head):
        await pause(delay_s / SLOW_PARTS)
        if request.transport is None or request.transport.is_closing():
            return web.Response()
        request.transport.write(part)
    if request.transport is not None:
        request.transport.write(body)
    return cut(request)


def _parts(content: bytes) -> list[bytes]:
    step = -(-len(content) // SLOW_PARTS)
    return [content[start : start + step] for start in range(0, len(content), step)]


def _stream(body: bytes, media_type: str) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": str(len(body))})
    response.content_type = media_type
    return response
