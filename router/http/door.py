"""What every handler needs, in one typed place, and what a request carries with it."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeAlias

from aiohttp import web

from providers.canonical import Variant
from router.core.job import Job
from router.core.limits import RequestDefaults, ServerSettings
from router.core.policy import JobLimits
from router.http.callers import CallerDirectory
from router.http.naming import Naming
from router.http.ports import Engine
from router.http.room import BodyRoom, StreamRoom


class ContentSpan(Protocol):
    """The span of a finished video on its way to its caller."""

    def answered(self, status: int) -> None:
        """Take note of the HTTP status."""

    def sent(self, content_bytes: int) -> None:
        """Take note of how much was passed on."""

    def broke(self, error: BaseException) -> None:
        """Take note of what cut it off."""


class Span(Protocol):
    """A request's span. `trace_parent` is the W3C traceparent that its job's attempts continue, or None."""

    @property
    def trace_parent(self) -> str | None:
        """What a job made by this request is stored with."""

    def answered(self, status: int) -> None:
        """Take note of the HTTP status."""

    def about(self, job_id: str) -> None:
        """Take note of the job that is made or asked for."""

    def content(self, job: Job, variant: Variant) -> AbstractContextManager[ContentSpan]:
        """Span the sending of a finished video, in the trace of its job."""


ObserveRequest: TypeAlias = Callable[[str, str, int, float, str | None], None]
RequestSpan: TypeAlias = Callable[[str, Mapping[str, str]], AbstractContextManager[Span]]


@dataclass(slots=True)
class Door:
    """The parts behind the front door.

    `observe_request` gets route template, method, status, seconds and the request's own traceparent. `request_span`
    gets a span's name and the request headers. What callers hold is counted here, for it outlasts a configuration.
    """

    engine: Engine
    settings: ServerSettings
    defaults: RequestDefaults
    callers: CallerDirectory
    naming: Naming
    limits: JobLimits
    observe_request: ObserveRequest
    request_span: RequestSpan
    stream_room: StreamRoom = field(init=False)
    body_room: BodyRoom = field(init=False)

    def __post_init__(self) -> None:
        self.stream_room, self.body_room = StreamRoom(self.settings), BodyRoom(self.settings)

    def use(
        self,
        settings: ServerSettings,
        defaults: RequestDefaults,
        callers: CallerDirectory,
        naming: Naming,
        limits: JobLimits,
    ) -> None:
        """Let in by another configuration from now on."""
        self.settings, self.defaults, self.callers, self.naming = settings, defaults, callers, naming
        self.limits = limits
        self.stream_room.use(settings)
        self.body_room.use(settings)


@dataclass(slots=True)
class Visit:
    """A request while it is answered: whose it is, and the id and the span that it goes by.

    `repeatable` is set of a create alone: whether its key makes the same create again safe.
    """

    door: Door
    request: web.BaseRequest
    request_id: str
    span: Span
    caller: str = ""
    repeatable: bool | None = None


DOOR: Final = web.AppKey("DOOR", Door)
