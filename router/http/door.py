"""What every handler needs, in one typed place, and what a request carries with it."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Final, TypeAlias

from aiohttp import web

from router.core.limits import RequestDefaults, ServerSettings
from router.http.callers import CallerDirectory
from router.http.ports import Engine

ObserveRequest: TypeAlias = Callable[[str, str, int, float], None]
RequestSpan: TypeAlias = Callable[[str, Mapping[str, str]], AbstractContextManager[str | None]]


def unobserved(_route: str, _method: str, _status: int, _duration_s: float) -> None:
    """Count nothing."""


def unspanned(_name: str, _headers: Mapping[str, str]) -> AbstractContextManager[str | None]:
    """Open no span, and so have no traceparent to hand on."""
    return nullcontext()


@dataclass(frozen=True, slots=True)
class Door:
    """The parts behind the front door.

    `observe_request` gets route template, method, status and seconds. `request_span` gets a span's name and the request
    headers, and yields the W3C traceparent that the job's attempts continue.
    """

    engine: Engine
    settings: ServerSettings
    defaults: RequestDefaults
    callers: CallerDirectory
    observe_request: ObserveRequest = unobserved
    request_span: RequestSpan = unspanned


DOOR: Final = web.AppKey("DOOR", Door)
CALLER: Final = web.RequestKey("CALLER", str)
REQUEST_ID: Final = web.RequestKey("REQUEST_ID", str)
TRACE_PARENT: Final = web.RequestKey("TRACE_PARENT", str)
