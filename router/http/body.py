"""The body of a create, JSON or multipart, read within its limits into one document."""

import asyncio
from typing import Final

import orjson
from aiohttp import web

from router.core.limits import ServerSettings
from router.http.errors import ApiError, invalid, too_large
from router.http.form import Document, read_form

BODY_S_MAX: Final = 60.0
# Above this, parsing holds the event loop for milliseconds, so it is done in a thread.
LARGE_BODY_BYTES: Final = 262_144


async def read_document(request: web.Request, settings: ServerSettings) -> Document:
    """Read the body; raises ApiError 400, 408, 413 or 415."""
    if (request.content_length or 0) > settings.body_bytes_max:
        raise too_large("the body", settings.body_bytes_max)
    try:
        async with asyncio.timeout(BODY_S_MAX):
            return await _read(request, settings)
    except TimeoutError:
        raise ApiError(408, f"the body did not arrive within {BODY_S_MAX:.0f} s", "request_timeout") from None
    except (ConnectionError, web.RequestPayloadError):
        raise invalid("the body broke off, or its transfer or content encoding is broken") from None


def is_large(request: web.Request) -> bool:
    """Whether the body that was read is worth a thread."""
    return request.content.total_bytes > LARGE_BODY_BYTES


async def _read(request: web.Request, settings: ServerSettings) -> Document:
    match request.content_type:
        case "application/json":
            return await _read_json(request, settings.body_bytes_max)
        case "multipart/form-data":
            return await read_form(request, settings)
        case _:
            message = "send the body as application/json or as multipart/form-data"
            raise ApiError(415, message, "unsupported_content_type", "Content-Type")


async def _read_json(request: web.Request, bytes_max: int) -> Document:
    raw = bytearray()
    async for chunk in request.content.iter_any():
        raw += chunk
        if len(raw) > bytes_max:
            raise too_large("the body", bytes_max)
    try:
        document = await asyncio.to_thread(orjson.loads, raw) if is_large(request) else orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise invalid(_where(error), code="invalid_json") from None
    if not isinstance(document, dict):
        raise invalid('the body must be a JSON object, such as {"prompt": "..."}', code="invalid_json")
    return document


def _where(error: orjson.JSONDecodeError) -> str:
    return f"the body is not valid JSON: {error.msg} (line {error.lineno}, column {error.colno}, character {error.pos})"
