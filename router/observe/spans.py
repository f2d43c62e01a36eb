"""Spans: one for each request, and one for each attempt, written when it has ended, with its true times."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import INVALID_SPAN, NoOpTracerProvider, Span, SpanKind, Status, StatusCode
from opentelemetry.trace import TracerProvider as AnyTracerProvider
from opentelemetry.util.types import AttributeValue

from router.core.clock import Clock
from router.core.events import AttemptEnded, Event
from router.core.job import AttemptState
from router.core.money import MICROUSD_PER_USD
from router.observe.traceparent import context_of, traceparent_of

# OpenTelemetry semantic conventions. Those of gen_ai are in development; their `video_generation` is a custom value.
_OPERATION: Final = "gen_ai.operation.name"
_PROVIDER: Final = "gen_ai.provider.name"
_REQUEST_MODEL: Final = "gen_ai.request.model"
_RESPONSE_MODEL: Final = "gen_ai.response.model"
_OUTPUT_TYPE: Final = "gen_ai.output.type"
_COST_AMOUNT: Final = "gen_ai.usage.cost.amount"
_COST_CURRENCY: Final = "gen_ai.usage.cost.currency"
_ERROR_TYPE: Final = "error.type"
_HTTP_METHOD: Final = "http.request.method"
_HTTP_ROUTE: Final = "http.route"
_HTTP_STATUS: Final = "http.response.status_code"

_LATE_MAX: Final = 10_000


class RequestSpan:
    """A request while it is answered. `trace_parent` is for the job that it makes; None when nothing is traced."""

    __slots__ = ("_span", "trace_parent")

    def __init__(self, span: Span) -> None:
        self._span = span
        self.trace_parent = traceparent_of(span)

    def answered(self, status: int) -> None:
        """Name the HTTP status; one of a server's fault makes the span an error."""
        self._span.set_attribute(_HTTP_STATUS, status)
        if status >= 500:
            self._span.set_attribute(_ERROR_TYPE, str(status))
            self._span.set_status(Status(StatusCode.ERROR))


_UNTRACED: Final = RequestSpan(INVALID_SPAN)


class Spans:
    """Writes spans to a tracer provider; without one it costs next to nothing and hands a caller's context through."""

    def __init__(self, tracer_provider: TracerProvider | None, clock: Clock) -> None:
        self._provider = tracer_provider
        provider: AnyTracerProvider = NoOpTracerProvider() if tracer_provider is None else tracer_provider
        self._tracer = provider.get_tracer("video_router")
        self._clock = clock
        self._late: dict[str, None] = {}

    @contextmanager
    def request_span(self, name: str, headers: Mapping[str, str]) -> Iterator[RequestSpan]:
        """Span a request called `METHOD route`, below the W3C header of its caller, if any."""
        if self._provider is None and "traceparent" not in headers:
            yield _UNTRACED
            return
        method, _, route = name.partition(" ")
        attributes = {_HTTP_METHOD: method, _HTTP_ROUTE: route}
        span = self._tracer.start_span(name, context_of(headers), SpanKind.SERVER, attributes)
        try:
            yield RequestSpan(span)
        except BaseException as error:
            # Its message may quote the request.
            span.set_attribute(_ERROR_TYPE, type(error).__name__)
            span.set_status(Status(StatusCode.ERROR))
            raise
        finally:
            span.end()

    def observe(self, event: Event) -> None:
        """Write the span of an attempt that ended; nothing is written again when a late one's money becomes known."""
        if self._provider is None or not isinstance(event, AttemptEnded):
            return
        attempt = event.attempt
        if attempt.id in self._late:
            del self._late[attempt.id]
            return
        if attempt.state is AttemptState.LATE:
            self._remember(attempt.id)
        trace_parent = event.job.trace_parent
        span = self._tracer.start_span(
            f"video_generation {event.job.video.model}",
            Context() if trace_parent is None else context_of({"traceparent": trace_parent}),
            SpanKind.CLIENT,
            _attributes(event),
            start_time=_nanoseconds(attempt.submitted_at),
        )
        if attempt.state is not AttemptState.SUCCEEDED:
            span.set_status(Status(StatusCode.ERROR))
        ended_at = self._clock.wall() if attempt.ended_at is None else attempt.ended_at
        span.end(_nanoseconds(max(ended_at, attempt.submitted_at)))

    def close(self) -> None:
        """Send what is still held back. Blocks for as long as the exporter takes."""
        if self._provider is not None:
            self._provider.shutdown()

    def _remember(self, attempt_id: str) -> None:
        self._late[attempt_id] = None
        if len(self._late) > _LATE_MAX:
            del self._late[next(iter(self._late))]


def _attributes(event: AttemptEnded) -> dict[str, AttributeValue]:
    attempt, video = event.attempt, event.job.video
    attributes: dict[str, AttributeValue] = {
        _OPERATION: "video_generation",
        _PROVIDER: attempt.provider,
        _REQUEST_MODEL: video.model,
        _RESPONSE_MODEL: attempt.upstream_model,
        _OUTPUT_TYPE: "video",
        "video_router.job": attempt.job_id,
        "video_router.attempt": attempt.number,
        "video_router.offering": attempt.offering_id,
        "video_router.state": attempt.state,
        "video_router.quote_usd": attempt.quote_microusd / MICROUSD_PER_USD,
    }
    if attempt.stage is not None:
        attributes["video_router.stage"] = attempt.stage
    if attempt.state is not AttemptState.SUCCEEDED:
        attributes[_ERROR_TYPE] = f"{attempt.stage or 'other'}.{attempt.reason or 'other'}"
    for entry in event.entries:
        if entry.cost_kind is not None:
            attributes |= {
                _COST_AMOUNT: entry.amount_microusd / MICROUSD_PER_USD,
                _COST_CURRENCY: "USD",
                "video_router.cost_kind": entry.cost_kind,
            }
    for stage, seconds in event.stage_seconds.items():
        attributes[f"video_router.{stage}_s"] = seconds
    return attributes


def _nanoseconds(wall_s: float) -> int:
    return round(wall_s * 1_000_000) * 1_000
