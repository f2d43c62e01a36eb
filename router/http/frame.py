"""Around every public request: its id, its span, who asks, its errors in the envelope, and its metrics."""

import logging
import re
import secrets
import time
import traceback
from pathlib import Path
from random import Random
from typing import Final

from aiohttp import HttpVersion11, hdrs, web

from router.core.order import UnavailableError, UnconfirmedError
from router.http.answer import SERVER, X_REQUEST_ID
from router.http.door import Door, Visit
from router.http.errors import ApiError, from_web, internal, unavailable, unconfirmed
from router.http.paths import Paths

_LOG: Final = logging.getLogger(__name__)
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
# It tells requests apart and keeps nothing secret, so asking the system for each one is not worth its time.
_RANDOM: Final = Random(secrets.randbits(128))  # noqa: S311 - as said
_FRAMES_MAX: Final = 12
# nginx's number for a request that was cut off before its answer; it is only ever counted.
CUT_OFF: Final = 499
_SEND_AGAIN: Final = (
    "the router could not confirm that it has stored this video; send it again with the same Idempotency-Key, and it is"
    " made once"
)


class Frame:
    """Stands around all that is served at `paths`."""

    def __init__(self, door: Door, paths: Paths) -> None:
        self._door = door
        self._paths = paths

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer whatever happens, and count it by route template, never by path."""
        endpoint, parts = self._paths.at(request.method, request.rel_url.path_safe)
        if hdrs.EXPECT in request.headers:
            _proceed(request)
        if not endpoint.framed:
            # It is proven and counted in its own way, and what strangers send begins no trace.
            try:
                return await endpoint.handler(request, *parts)
            except Exception as error:  # noqa: BLE001 - aiohttp's own answer would name its version
                return _broke(error, _request_id(request), may_buy=False).response()
        door, started = self._door, time.perf_counter()
        status, trace_parent = CUT_OFF, None
        try:
            with door.request_span(endpoint.span_name, request.headers) as span:
                trace_parent = span.trace_parent
                visit = Visit(door, request, _request_id(request), span)
                try:
                    visit.caller = door.callers.caller_of(request)
                    response = await endpoint.handler(visit, *parts)
                except Exception as error:  # noqa: BLE001 - whatever broke, the caller is answered
                    response = _api_error(visit, error).response(repeatable=bool(visit.repeatable))
                    response.headers[X_REQUEST_ID] = visit.request_id
                status = response.status
                span.answered(status)
            return response
        finally:
            seconds = time.perf_counter() - started
            door.observe_request(endpoint.route, endpoint.method, status, seconds, trace_parent)


def _proceed(request: web.BaseRequest) -> None:
    """Let a caller send the body that he holds back; raises HTTPExpectationFailed for whatever else he expects."""
    expected = request.headers[hdrs.EXPECT]
    if not expected or request.version != HttpVersion11:
        return
    if expected.lower() != "100-continue":
        raise web.HTTPExpectationFailed(text=f"Unknown Expect: {expected}", headers={hdrs.SERVER: SERVER})
    if request.transport is not None:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")


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
            return _broke(error, visit.request_id, may_buy=visit.repeatable is not None)


def _broke(error: Exception, request_id: str, *, may_buy: bool) -> ApiError:
    """Tell the log the kind of an error and its place: its words may quote the prompt or a link."""
    _LOG.error("request %s broke: %s at %s", request_id, type(error).__name__, _place(error))
    return internal(request_id, may_buy=may_buy)


def _place(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES_MAX:]
    return " < ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in reversed(frames))


def _request_id(request: web.BaseRequest) -> str:
    sent = request.headers.get(X_REQUEST_ID)
    if sent is not None and _REQUEST_ID.fullmatch(sent):
        return sent
    return f"req_{_RANDOM.getrandbits(128):032x}"
