"""Around every public request: its id, its span, who asks, its errors in the envelope, and its metrics."""

import logging
import re
import secrets
import time
import traceback
from pathlib import Path
from random import Random
from typing import Final

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler
from multidict import istr

from router.core.order import UnavailableError, UnconfirmedError
from router.http.answer import SERVER
from router.http.door import DOOR, VISIT, Visit
from router.http.errors import ApiError, from_web, internal, unavailable, unconfirmed
from router.http.hooks import take_hook

_LOG: Final = logging.getLogger(__name__)
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_X_REQUEST_ID: Final = istr("x-request-id")
# It tells requests apart and keeps nothing secret, so asking the system for each one is not worth its time.
_RANDOM: Final = Random(secrets.randbits(128))  # noqa: S311 - as said
_METHODS: Final = frozenset({hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_POST, hdrs.METH_DELETE})
_FRAMES_MAX: Final = 12
UNMATCHED: Final = "unmatched"
# nginx's number for a request that was cut off before its answer; it is only ever counted.
CUT_OFF: Final = 499
_SEND_AGAIN: Final = (
    "the router could not confirm that it has stored this video; send it again with the same Idempotency-Key, and it is"
    " made once"
)


@web.middleware
async def framed(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer whatever happens, and count it by route template, never by path."""
    if handler is take_hook:
        # No caller's: it is proven and counted in its own way, and what strangers send begins no trace.
        return await handler(request)
    door = request.app[DOOR]
    started = time.perf_counter()
    route, method = _route(request), request.method if request.method in _METHODS else "other"
    status, trace_parent = CUT_OFF, None
    try:
        with door.request_span(f"{method} {route}", request.headers) as span:
            trace_parent = span.trace_parent
            visit = request[VISIT] = Visit(door, _request_id(request), span)
            try:
                visit.caller = door.callers.caller_of(request)
                response = await handler(request)
            except Exception as error:  # noqa: BLE001 - whatever broke, the caller is answered
                response = _api_error(visit, error).response(repeatable=bool(visit.repeatable))
            status = response.status
            span.answered(status)
        return response
    finally:
        door.observe_request(route, method, status, time.perf_counter() - started, trace_parent)


async def sign(request: web.Request, response: web.StreamResponse) -> None:
    """Put the request id on an answer to a caller, and no version of what serves it on any handler's answer."""
    headers = response.headers
    if (visit := request.get(VISIT)) is not None:
        headers[_X_REQUEST_ID] = visit.request_id
    headers[hdrs.SERVER] = SERVER


def _api_error(visit: Visit, error: Exception) -> ApiError:
    match error:
        case ApiError():
            return error
        case UnconfirmedError():
            return unconfirmed(_SEND_AGAIN if visit.repeatable else str(error), error.retry_after_s)
        case UnavailableError():
            return unavailable(str(error), "router_unavailable", error.retry_after_s)
        case web.HTTPException():
            return from_web(error, "videos are at /v1/videos")
        case _:
            # Its words may quote the prompt or a link, so the log gets the kind of the error and its place instead.
            _LOG.error("request %s broke: %s at %s", visit.request_id, type(error).__name__, _place(error))
            return internal(visit.request_id, may_buy=visit.repeatable is not None)


def _place(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES_MAX:]
    return " < ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in reversed(frames))


def _request_id(request: web.Request) -> str:
    sent = request.headers.get(_X_REQUEST_ID)
    if sent is not None and _REQUEST_ID.fullmatch(sent):
        return sent
    return f"req_{_RANDOM.getrandbits(128):032x}"


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return UNMATCHED if resource is None else resource.canonical
