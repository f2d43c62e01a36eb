"""The W3C Trace Context header, read and written by OpenTelemetry's own propagator; no other header is looked at."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from opentelemetry.context import Context
from opentelemetry.trace import (
    INVALID_SPAN_CONTEXT,
    Span,
    SpanContext,
    format_trace_id,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_PROPAGATOR: Final = TraceContextTextMapPropagator()
_HEADERS: Final = ("traceparent", "tracestate")


def context_of(headers: Mapping[str, str]) -> Context:
    """Return the context that `traceparent` names; an empty one when it is absent or malformed."""
    carrier = {name: headers[name] for name in _HEADERS if name in headers}
    return _PROPAGATOR.extract(carrier, Context())


# Every line of a job's log asks for the same one.
@lru_cache(maxsize=1_024)
def parse_traceparent(trace_parent: str | None) -> str | None:
    """Return the trace id, 32 hexadecimal digits, of a `traceparent` value; None when it has none."""
    span = _span_context(trace_parent)
    return format_trace_id(span.trace_id) if span.is_valid else None


@lru_cache(maxsize=1_024)
def sampled_trace_id(trace_parent: str | None) -> str | None:
    """Return the trace id of a `traceparent` value whose trace is kept; None when nobody will find it."""
    span = _span_context(trace_parent)
    return format_trace_id(span.trace_id) if span.is_valid and span.trace_flags.sampled else None


def _span_context(trace_parent: str | None) -> SpanContext:
    if trace_parent is None:
        return INVALID_SPAN_CONTEXT
    return get_current_span(context_of({"traceparent": trace_parent})).get_span_context()


def traceparent_of(span: Span) -> str | None:
    """Return the `traceparent` value that makes something a child of `span`; None for a span of no trace."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier, set_span_in_context(span, Context()))
    return carrier.get("traceparent")
