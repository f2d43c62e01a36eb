"""Spans: one for each request, and those of each attempt, written when it has ended, with their true times."""

from collections.abc import Mapping
from threading import Thread
from typing import Final

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ParentBased
from opentelemetry.trace import INVALID_SPAN, NoOpTracer, SpanKind, Tracer

from router.core.clock import Clock
from router.core.events import AttemptEnded, AttemptStarted, Event
from router.observe import semconv
from router.observe.attempt_spans import AttemptSpans
from router.observe.request_span import RequestSpan
from router.observe.span_ids import SpanIds
from router.observe.traceparent import TRACEPARENT, context_of

CLOSE_S: Final = 2.0
"""How long a stop waits for the last spans to be sent."""
LAST_SPANS: Final = "last-spans"
"""The name of the thread that sends them."""
_HEARD: Final = frozenset[type[Event]]({AttemptStarted, AttemptEnded})
_LOOKS: Final = frozenset({"GET /v1/videos/{video_id}", "GET /v1/videos"})
_NO_TRACER: Final = NoOpTracer()
_UNTRACED: Final = RequestSpan(INVALID_SPAN, _NO_TRACER)


class Spans:
    """Writes spans to a tracer provider; without one it costs next to nothing and hands a caller's context through."""

    def __init__(self, tracer_provider: TracerProvider | None, clock: Clock) -> None:
        self._provider = tracer_provider
        self._clock = clock
        self._tracer: Tracer = _NO_TRACER
        self._attempts: AttemptSpans | None = None
        if tracer_provider is not None:
            tracer_provider.id_generator = ids = SpanIds()
            self._tracer = tracer_provider.get_tracer("video_router")
            self._attempts = AttemptSpans(self._tracer, ids, follows=isinstance(tracer_provider.sampler, ParentBased))
        self.heard: frozenset[type[Event]] = frozenset() if tracer_provider is None else _HEARD

    def request_span(self, name: str, headers: Mapping[str, str]) -> RequestSpan:
        """Span a request called `METHOD route`, below the W3C header of its caller, if any.

        Asking how far a video is begins no trace of its own: callers do that every few seconds.
        """
        if (self._provider is None or name in _LOOKS) and TRACEPARENT not in headers:
            return _UNTRACED
        method, _, route = name.partition(" ")
        attributes = {semconv.HTTP_METHOD: method, semconv.HTTP_ROUTE: route}
        return RequestSpan(
            self._tracer.start_span(name, context_of(headers), SpanKind.SERVER, attributes), self._tracer
        )

    def observe(self, event: Event) -> None:
        """Write the spans of an attempt that ended, or whose money became known."""
        if self._attempts is None:
            return
        match event:
            case AttemptStarted():
                self._attempts.began(event)
            case AttemptEnded():
                self._attempts.ended(event, self._clock.wall())
            case _:
                pass

    def close(self, within_s: float = CLOSE_S) -> None:
        """Send what is still held back, and leave it when it takes longer: a collector may not answer at all."""
        if self._provider is None:
            return
        sending = Thread(target=self._provider.shutdown, name=LAST_SPANS, daemon=True)
        sending.start()
        sending.join(within_s)
