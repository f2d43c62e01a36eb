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

from router.core.job import Job

_PROPAGATOR: Final = TraceContextTextMapPropagator()
_HEADERS: Final = ("traceparent", "tracestate")


def context_of(headers: Mapping[str, str]) -> Context:
    """Return the context that `traceparent` names; an empty one when it is absent or malformed."""
    carrier = {name: headers[name] for name in _HEADERS if name in headers}
    return _PROPAGATOR.extract(carrier, Context())


def context_of_job(job: Job) -> Context:
    """Return the context that a job's spans are written in; an empty one when it has no trace."""
    return Context() if job.trace_parent is None else context_of({"traceparent": job.trace_parent})


# Every line of a job's log asks for the same one.
@lru_cache(maxsize=1_024)
def parse_traceparent(trace_parent: str | None) -> str | None:
    """Return the trace id, 32 hexadecimal digits, of a `traceparent` value; None when it has none."""
    span = span_context_of(trace_parent)
    return format_trace_id(span.trace_id) if span.is_valid else None


@lru_cache(maxsize=1_024)
def sampled_trace_id(trace_parent: str | None) -> str | None:
    """Return the trace id of a `traceparent` value whose trace is kept; None when nobody will find it."""
    span = span_context_of(trace_parent)
    return format_trace_id(span.trace_id) if span.is_valid and span.trace_flags.sampled else None


def exemplar(trace_parent: str | None) -> dict[str, str] | None:
    """Name the trace to look at, where one is kept; Prometheus shows it beside the sample."""
    trace_id = sampled_trace_id(trace_parent)
    return None if trace_id is None else {"trace_id": trace_id}


def span_context_of(trace_parent: str | None) -> SpanContext:
    """Return the span that a `traceparent` value names; an invalid one when it names none."""
    if trace_parent is None:
        return INVALID_SPAN_CONTEXT
    return get_current_span(context_of({"traceparent": trace_parent})).get_span_context()


def traceparent_of(span: Span) -> str | None:
    """Return the `traceparent` value that makes something a child of `span`; None for a span of no trace."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier, set_span_in_context(span, Context()))
    return carrier.get("traceparent")
