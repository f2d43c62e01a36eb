"""The body of a create: read within its limit, and taken for JSON or multipart as its header says."""

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar, TypeVarTuple

import orjson
from aiohttp import hdrs, web

from router.core.limits import ServerSettings
from router.http.data_urls import SET_ASIDE_BYTES_MIN, parsed_apart
from router.http.errors import ApiError, invalid, too_large
from router.http.form import Document, form_document
from router.http.json_text import load_json
from router.http.room import BodyShare

BODY_S_MAX: Final = 60.0
# Above this, parsing and hashing hold the event loop for milliseconds, so they are done in a thread.
LARGE_BODY_BYTES: Final = 65_536

T = TypeVar("T")
Given = TypeVarTuple("Given")


async def read_document(request: web.BaseRequest, settings: ServerSettings, share: BodyShare) -> Document:
    """Read the body into one document; raises ApiError 400, 408, 413, 415 or 503."""
    content_type = request.content_type
    if content_type not in ("application/json", "multipart/form-data"):
        message = "send the body as application/json or as multipart/form-data"
        raise ApiError(415, message, "unsupported_content_type", hdrs.CONTENT_TYPE)
    raw = await _received(request, settings.body_bytes_max, BODY_S_MAX, share.grow)
    if content_type == "application/json":
        return await computed(request, _json_document, raw, settings)
    return await computed(request, form_document, raw, request.headers[hdrs.CONTENT_TYPE], settings)


async def computed(request: web.BaseRequest, work: Callable[[*Given], T], *given: *Given) -> T:
    """Do work on what a body held: at once for the usual small one, in a thread for one that holds images."""
    is_large = request.content.total_bytes > LARGE_BODY_BYTES
    return await asyncio.to_thread(work, *given) if is_large else work(*given)


async def read_raw(request: web.BaseRequest, bytes_max: int, within_s: float) -> bytes:
    """Read a body of so many bytes at most; raises ApiError 400, 408 or 413."""
    return bytes(await _received(request, bytes_max, within_s, lambda _: None))


async def _received(
    request: web.BaseRequest, bytes_max: int, within_s: float, grow: Callable[[int], None]
) -> bytes | bytearray:
    """Read a body, `grow` being told of each part's bytes."""
    if (request.content_length or 0) > bytes_max:
        raise too_large("the body", bytes_max)
    content = request.content
    raw = bytearray()
    try:
        if content.is_eof():
            # The usual small one came with its head: there is nothing to wait for.
            arrived = content.read_nowait()
            if len(arrived) > bytes_max:
                raise too_large("the body", bytes_max)
            grow(len(arrived))
            return arrived
        async with asyncio.timeout(within_s):
            async for chunk in content.iter_any():
                if len(raw) + len(chunk) > bytes_max:
                    raise too_large("the body", bytes_max)
                grow(len(chunk))
                raw += chunk
    except TimeoutError:
        raise ApiError(408, f"the body did not arrive within {within_s:.0f} s", "request_timeout") from None
    except (ConnectionError, web.RequestPayloadError):
        raise invalid("the body broke off, or its transfer or content encoding is broken") from None
    return raw


def _json_document(raw: bytes | bytearray, settings: ServerSettings) -> Document:
    try:
        if len(raw) <= SET_ASIDE_BYTES_MIN:
            document = load_json(raw, settings)
        else:
            document = parsed_apart(raw, lambda text: load_json(text, settings))
    except orjson.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}, character {error.pos}"
        raise invalid(f"the body is not valid JSON: {error.msg} ({where})", code="invalid_json") from None
    if not isinstance(document, dict):
        raise invalid('the body must be a JSON object, such as {"prompt": "..."}', code="invalid_json")
    return document
