"""GET and HEAD of a finished video: streamed through as fast as the caller reads, never held in memory."""

import re
from typing import Final

from aiohttp import hdrs, web

from providers.canonical import Variant
from router.core.job import Job, JobState
from router.engine.exchange import ContentError, ContentExpiredError, ContentStream
from router.http.answer import SERVER, X_REQUEST_ID
from router.http.door import ContentSpan, Visit
from router.http.errors import ApiError, invalid
from router.http.failures import failure_message
from router.http.lookup import own_job
from router.http.naming import Naming
from router.http.sending import Sending

# A caller that reads nothing for this long holds an upstream connection for nothing.
WRITE_STALL_S: Final = 60.0
_RANGE: Final = re.compile(r"bytes=(?:\d{1,18}-\d{0,18}|-\d{1,18})")
_ENTITY_TAG: Final = re.compile(r'(?:W/)?"[\x21\x23-\x7e]{0,256}"')
_CONTENT_RANGE: Final = re.compile(r"bytes (?:\d{1,18}-\d{1,18}|\*)/(?:\d{1,18}|\*)")
_EXTENSIONS: Final = {
    "video/mp4": "mp4",
    "video/webm": "webm",
    "video/quicktime": "mov",
    "image/webp": "webp",
    "image/jpeg": "jpg",
    "image/png": "png",
}
_DEFAULT_TYPES: Final[dict[Variant, str]] = {
    "video": "video/mp4",
    "thumbnail": "image/webp",
    "spritesheet": "image/jpeg",
}


async def content(visit: Visit, video_id: str) -> web.StreamResponse:
    """Answer with the bytes of a finished video, or with their headers alone."""
    job, door, request = await own_job(visit, video_id), visit.door, visit.request
    _require_completed(job, door.naming)
    variant = _variant(request)
    try:
        opening = door.engine.content(job, variant, _conditions(request))
        if opening is None:
            message = f"there is no {variant} of this video; it can be had as variant=video"
            raise ApiError(404, message, "variant_not_available", "variant")
        if request.method == hdrs.METH_HEAD:
            return _head(visit, job, variant)
        with door.stream_room.place(visit.caller), visit.span.content(job, variant) as span:
            async with opening as stream:
                return await _relay(visit, stream, job, variant, span)
    except ContentExpiredError:
        message = "the link to this video has expired upstream, and there is no fresh one; download before expires_at"
        raise ApiError(410, message, "content_expired", "video_id") from None
    except ContentError:
        message = "the finished video could not be fetched from where it was made; try again in a moment"
        raise ApiError(502, message, "content_unavailable") from None


def _require_completed(job: Job, naming: Naming) -> None:
    match job.state:
        case JobState.COMPLETED:
            return
        case JobState.FAILED:
            why = failure_message(job.failure, naming) if job.failure else ""
            raise invalid(f"this video failed, so it has no content. {why}".strip(), "video_id", "video_failed")
        case JobState.QUEUED | JobState.IN_PROGRESS:
            message = f"this video is {job.state.value} and has no content yet; retrieve it until it is completed"
            raise invalid(message, "video_id", "video_not_ready")


def _variant(request: web.BaseRequest) -> Variant:
    match request.query.get("variant", "video"):
        case "video":
            return "video"
        case "thumbnail":
            return "thumbnail"
        case "spritesheet":
            return "spritesheet"
        case _:
            raise invalid("variant must be video, thumbnail or spritesheet", "variant")


def _conditions(request: web.BaseRequest) -> dict[str, str]:
    """Pass on a single byte range and its validator; whatever else Range holds is ignored, as RFC 9110 14.2 allows."""
    byte_range = request.headers.get(hdrs.RANGE, "").strip()
    if not _RANGE.fullmatch(byte_range):
        return {}
    validator = request.headers.get(hdrs.IF_RANGE)
    if validator is None:
        return {hdrs.RANGE: byte_range}
    # A validator that cannot be passed on must not match: the whole video is the safe answer.
    return {hdrs.RANGE: byte_range, hdrs.IF_RANGE: validator} if _ENTITY_TAG.fullmatch(validator) else {}


def _head(visit: Visit, job: Job, variant: Variant) -> web.StreamResponse:
    """Answer from what was seen when the video was finished, so that asking costs no upstream exchange."""
    attempt = job.delivered if variant == "video" else None
    headers = _own_headers(visit, job, variant, attempt.content_type if attempt else None)
    if attempt is not None and attempt.content_bytes is not None:
        headers[hdrs.CONTENT_LENGTH] = str(attempt.content_bytes)
    return web.StreamResponse(headers=headers)


async def _relay(
    visit: Visit, stream: ContentStream, job: Job, variant: Variant, span: ContentSpan
) -> web.StreamResponse:
    verified = job.delivered.content_type if variant == "video" and job.delivered else None
    headers = _own_headers(visit, job, variant, verified or stream.headers.get("content-type"))
    content_range = stream.headers.get("content-range", "")
    if _CONTENT_RANGE.fullmatch(content_range):
        headers[hdrs.CONTENT_RANGE] = content_range
    if stream.status == 416:
        span.answered(416)
        unsatisfied = {"Content-Range": content_range} if hdrs.CONTENT_RANGE in headers else {}
        raise ApiError(416, "the video has no such byte range", "range_not_satisfiable", "Range", headers=unsatisfied)
    if stream.status not in (200, 206) or (stream.status == 206 and hdrs.CONTENT_RANGE not in headers):
        raise ContentError("an answer that is neither a video nor a part of one")
    length, tag = stream.headers.get("content-length", ""), stream.headers.get("etag", "")
    if length.isascii() and length.isdecimal():
        headers[hdrs.CONTENT_LENGTH] = length
    if _ENTITY_TAG.fullmatch(tag):
        headers[hdrs.ETAG] = tag
    response = web.StreamResponse(status=stream.status, headers=headers)
    span.answered(response.status)
    await _copy(visit.request, stream, response, span)
    return response


async def _copy(
    request: web.BaseRequest, stream: ContentStream, response: web.StreamResponse, span: ContentSpan
) -> None:
    """Send all of it; a break midway cuts the connection, for the caller must not take a part for the whole."""
    sending = Sending(request.transport, response, WRITE_STALL_S)
    try:
        await response.prepare(request)
        await sending.send(stream)
    except (ContentError, TimeoutError, OSError) as error:
        span.broke(error)
        if request.transport is not None:
            request.transport.abort()
    finally:
        span.sent(sending.content_bytes)


def _own_headers(visit: Visit, job: Job, variant: Variant, upstream_type: str | None) -> dict[str, str]:
    """Name a type from a closed list, because a page or a script must never be served from here."""
    media_type = (upstream_type or "").partition(";")[0].strip().lower()
    family = "video/" if variant == "video" else "image/"
    if media_type not in _EXTENSIONS or not media_type.startswith(family):
        media_type = _DEFAULT_TYPES[variant]
    return {
        hdrs.CONTENT_TYPE: media_type,
        hdrs.CONTENT_DISPOSITION: f'attachment; filename="{job.id}.{_EXTENSIONS[media_type]}"',
        hdrs.ACCEPT_RANGES: "bytes",
        hdrs.CACHE_CONTROL: "private",
        "X-Content-Type-Options": "nosniff",
        X_REQUEST_ID: visit.request_id,
        hdrs.SERVER: SERVER,
    }
