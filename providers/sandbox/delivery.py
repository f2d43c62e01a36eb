"""Sending a finished video's bytes: whole, in part, or spoiled by a link fault."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeAlias

from aiohttp import web

from providers.sandbox import clips
from providers.sandbox.faults import Fault, FaultRule
from providers.sandbox.upstream import SandboxJob, Upstream

Pause: TypeAlias = Callable[[float], Awaitable[None]]
SLOW_PARTS = 20
DEFAULT_DELAY_S = 5.0
LATE_FETCHES = 2
_NOT_VIDEO = (
    "<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>Checking your browser</body></html>"
)


def cut(request: web.Request) -> web.Response:
    """Close the caller's connection; what is returned is never sent."""
    if request.transport is not None:
        request.transport.close()
    return web.Response()


async def deliver(request: web.Request, upstream: Upstream, job: SandboxJob, pause: Pause) -> web.StreamResponse:
    """Send a ready job's video, as its link fault has it while that lasts."""
    job.fetches += 1
    body = clips.video(job.order.size, job.order.seconds)
    rule = job.drawn.link
    if rule is None or _is_over(rule, upstream, job):
        return send_bytes(request, body, "video/mp4")
    match rule.fault:
        case Fault.LINK_LATE | Fault.LINK_404 | Fault.NO_LINK:
            return web.json_response({"error": "NoSuchKey"}, status=404)
        case Fault.LINK_NOT_VIDEO:
            return web.Response(text=_NOT_VIDEO, content_type="text/html")
        case Fault.LINK_TRUNCATED:
            return await _send_half(request, body)
        case _:
            return await _send_slowly(request, body, rule.delay_s or DEFAULT_DELAY_S, pause)


def _is_over(rule: FaultRule, upstream: Upstream, job: SandboxJob) -> bool:
    if rule.fault is Fault.LINK_LATE and rule.delay_s is not None:
        return upstream.clock() >= upstream.ended_at(job) + rule.delay_s
    limit = rule.fetches or (LATE_FETCHES if rule.fault is Fault.LINK_LATE else None)
    return limit is not None and job.fetches > limit


def send_bytes(request: web.Request, body: bytes, media_type: str) -> web.Response:
    """The bytes, or the one range of them that the caller asked for (RFC 9110 section 14)."""
    headers = {"Accept-Ranges": "bytes"}
    asked = _asked_range(request, len(body))
    if asked is None:
        return web.Response(body=body, content_type=media_type, headers=headers)
    start, stop = asked
    if start >= stop:
        headers["Content-Range"] = f"bytes */{len(body)}"
        return web.Response(status=416, headers=headers)
    headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(body)}"
    return web.Response(status=206, body=body[start:stop], content_type=media_type, headers=headers)


def _asked_range(request: web.Request, length: int) -> tuple[int, int] | None:
    try:
        asked = request.http_range
    except ValueError:
        return None
    if asked.start is None and asked.stop is None:
        return None
    start, stop, _ = asked.indices(length)
    return (length, length) if (asked.start or 0) >= length else (start, stop)


async def _send_half(request: web.Request, body: bytes) -> web.StreamResponse:
    response = _stream(body)
    with suppress(ConnectionError):
        await response.prepare(request)
        await response.write(body[: len(body) // 2])
    cut(request)
    return response


async def _send_slowly(request: web.Request, body: bytes, delay_s: float, pause: Pause) -> web.StreamResponse:
    response = _stream(body)
    step = -(-len(body) // SLOW_PARTS)
    with suppress(ConnectionError):  # a caller that has had enough goes away
        await response.prepare(request)
        for start in range(0, len(body), step):
            await pause(delay_s / SLOW_PARTS)
            await response.write(body[start : start + step])
        await response.write_eof()
    return response


def _stream(body: bytes) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": str(len(body))})
    response.content_type = "video/mp4"
    return response


async def pause_until(closing: asyncio.Event, delay_s: float) -> None:
    """Sleep, but not past the server's closing."""
    try:
        async with asyncio.timeout(delay_s):
            await closing.wait()
    except TimeoutError:
        return
