"""The W3C Trace Context header: a caller's is read by OpenTelemetry's propagator, a job's as it is written here."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from opentelemetry.context import Context
from opentelemetry.trace import (
    INVALID_SPAN_CONTEXT,
    Span,
    SpanContext,
    TraceFlags,
    get_current_span,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from router.core.job import Job

TRACEPARENT: Final = "traceparent"
_PROPAGATOR: Final = TraceContextTextMapPropagator()
_HEADERS: Final = (TRACEPARENT, "tracestate")
_WRITTEN: Final = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})")


def context_of(headers: Mapping[str, str]) -> Context:
    """Return the context that `traceparent` names; an empty one when it is absent or malformed."""
    if TRACEPARENT not in headers:
        return Context()
    carrier = {name: headers[name] for name in _HEADERS if name in headers}
    return _PROPAGATOR.extract(carrier, Context())


def context_of_job(job: Job) -> Context:
    """Return the context that a job's spans are written in; an empty one when it has no trace."""
    return Context() if job.trace_parent is None else context_of({TRACEPARENT: job.trace_parent})


def parse_traceparent(trace_parent: str | None) -> str | None:
    """Return the trace id, 32 hexadecimal digits, of a job's `traceparent`; None when it has none."""
    return None if trace_parent is None else _read(trace_parent)[0]


def sampled_trace_id(trace_parent: str | None) -> str | None:
    """Return the trace id of a job's `traceparent` whose trace is kept; None when nobody will find it."""
    return None if trace_parent is None else _read(trace_parent)[1]


@lru_cache(maxsize=256)
def _read(trace_parent: str) -> tuple[str | None, str | None]:
    """Return the trace id, and the same again where the trace is kept."""
    header = _WRITTEN.fullmatch(trace_parent)
    if header is None:
        return None, None
    return header[1], header[1] if int(header[3], 16) & TraceFlags.SAMPLED else None


def exemplar(trace_parent: str | None) -> dict[str, str] | None:
    """Name the trace to look at, where one is kept; Prometheus shows it beside the sample."""
    trace_id = None if trace_parent is None else sampled_trace_id(trace_parent)
    return None if trace_id is None else {"trace_id": trace_id}


def span_context_of(trace_parent: str | None) -> SpanContext:
    """Return the span that a `traceparent` value names; an invalid one when it names none."""
    if trace_parent is None:
        return INVALID_SPAN_CONTEXT
    return get_current_span(context_of({TRACEPARENT: trace_parent})).get_span_context()


def traceparent_of(span: Span) -> str | None:
    """Return the `traceparent` value that makes something a child of `span`; None for a span of no trace."""
    own = span.get_span_context()
    if not own.is_valid:
        return None
    return written(own.trace_id, own.span_id, own.trace_flags)


def written(trace_id: int, span_id: int, trace_flags: int) -> str:
    """Write the header of a span."""
    return f"00-{trace_id:032x}-{span_id:016x}-{trace_flags:02x}"
