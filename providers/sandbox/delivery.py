"""Sending a finished video's bytes: whole, in part, or spoiled by a link fault."""

import asyncio

from aiohttp import web

from providers.sandbox import clips
from providers.sandbox.broken import Pause, reset, send_half, send_slowly
from providers.sandbox.faults import Fault, FaultRule
from providers.sandbox.upstream import SandboxJob, Upstream

DEFAULT_DELAY_S = 5.0
LATE_FETCHES = 2
_NOT_VIDEO = (
    "<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>Checking your browser</body></html>"
)


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
            return await send_half(request, body, "video/mp4")
        case Fault.LINK_RESET:
            return await send_half(request, body, "video/mp4", reset)
        case Fault.LINK_500:
            return web.json_response({"error": "InternalError"}, status=500)
        case _:
            return await send_slowly(request, body, "video/mp4", rule.delay_s or DEFAULT_DELAY_S, pause)


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


async def pause_until(closing: asyncio.Event, delay_s: float) -> None:
    """Sleep, but not past the server's closing."""
    try:
        async with asyncio.timeout(delay_s):
            await closing.wait()
    except TimeoutError:
        return
