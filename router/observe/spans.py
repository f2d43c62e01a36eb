"""Spans: one for each request, and those of each attempt, written when it has ended, with their true times."""

from collections.abc import Mapping
from threading import Thread
from typing import Final

from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import Decision, ParentBased, ParentBasedTraceIdRatio, Sampler
from opentelemetry.trace import NoOpTracer, SpanKind, TraceFlags, Tracer

from router.core.clock import Clock
from router.core.events import AttemptEnded, AttemptStarted
from router.observe import semconv
from router.observe.attempt_spans import AttemptSpans
from router.observe.listeners import Listeners
from router.observe.request_span import RequestSpan, UnkeptRequestSpan
from router.observe.span_ids import SpanIds
from router.observe.traceparent import TRACEPARENT, context_of, written

CLOSE_S: Final = 2.0
"""How long a stop waits for the last spans to be sent."""
LAST_SPANS: Final = "last-spans"
"""The name of the thread that sends them."""
_LOOKS: Final = frozenset({"GET /v1/videos/{video_id}", "GET /v1/videos"})
_NOWHERE: Final = Context()
_UNKEPT: Final = TraceFlags(TraceFlags.RANDOM_TRACE_ID)
_NO_TRACER: Final = NoOpTracer()
_UNTRACED: Final = UnkeptRequestSpan(None, _NO_TRACER)


class Spans:
    """Writes spans to a tracer provider; without one it costs next to nothing and hands a caller's context through."""

    def __init__(self, tracer_provider: TracerProvider | None, clock: Clock) -> None:
        self._provider = tracer_provider
        self._tracer: Tracer = _NO_TRACER
        self.listeners = Listeners()
        self._ids = SpanIds()
        # It decides by the trace's id alone, so that it may be asked before there is a span.
        self._root: Sampler | None = None
        if tracer_provider is not None:
            tracer_provider.id_generator = self._ids
            self._tracer = tracer_provider.get_tracer("video_router")
            sampler = tracer_provider.sampler
            self._root = sampler if type(sampler) in (ParentBased, ParentBasedTraceIdRatio) else None
            attempts = AttemptSpans(self._tracer, self._ids, clock, follows=self._root is not None)
            self.listeners.on(AttemptStarted, attempts.began)
            self.listeners.on(AttemptEnded, attempts.ended)

    def request_span(self, name: str, headers: Mapping[str, str]) -> RequestSpan:
        """Span a request called `METHOD route`, below the W3C header of its caller, if any.

        Asking how far a video is begins no trace of its own: callers do that every few seconds.
        """
        if TRACEPARENT in headers:
            return self._span(name, context_of(headers))
        if self._provider is None or name in _LOOKS:
            return _UNTRACED
        return self._span(name, _NOWHERE) if self._root is None else self._first_span(name, self._root)

    def _first_span(self, name: str, root: Sampler) -> RequestSpan:
        """Begin a trace; of one that is not kept there is an id alone, which costs a sixth of a span."""
        trace_id = self._ids.generate_trace_id()
        if root.should_sample(_NOWHERE, trace_id, name, SpanKind.SERVER).decision is Decision.DROP:
            return UnkeptRequestSpan(written(trace_id, self._ids.generate_span_id(), _UNKEPT), self._tracer)
        with self._ids.chosen_trace(trace_id):
            return self._span(name, _NOWHERE)

    def _span(self, name: str, below: Context) -> RequestSpan:
        method, _, route = name.partition(" ")
        attributes = {semconv.HTTP_METHOD: method, semconv.HTTP_ROUTE: route}
        return RequestSpan(self._tracer.start_span(name, below, SpanKind.SERVER, attributes), self._tracer)

    def close(self, within_s: float = CLOSE_S) -> None:
        """Send what is still held back, and leave it when it takes longer: a collector may not answer at all."""
        if self._provider is None:
            return
        sending = Thread(target=self._provider.shutdown, name=LAST_SPANS, daemon=True)
        sending.start()
        sending.join(within_s)
