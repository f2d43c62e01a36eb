"""Span ids: random, but an attempt's follows from its own id, so that others can name it, also after a restart."""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b

from opentelemetry.sdk.trace.id_generator import RandomIdGenerator


class SpanIds(RandomIdGenerator):
    """Gives the next span, or trace, the id that was chosen for it, if one was.

    Spans are begun on the event loop only.
    """

    def __init__(self) -> None:
        self._chosen: int | None = None
        self._chosen_trace: int | None = None

    def generate_trace_id(self) -> int:
        """Return the id for a new trace."""
        chosen, self._chosen_trace = self._chosen_trace, None
        return super().generate_trace_id() if chosen is None else chosen

    def generate_span_id(self) -> int:
        """Return the id for a new span."""
        chosen, self._chosen = self._chosen, None
        return super().generate_span_id() if chosen is None else chosen

    @contextmanager
    def chosen(self, span_id: int) -> Iterator[None]:
        """Let the one span that is begun in this block have this id."""
        self._chosen = span_id
        try:
            yield
        finally:
            self._chosen = None

    @contextmanager
    def chosen_trace(self, trace_id: int) -> Iterator[None]:
        """Let the one trace that is begun in this block have this id."""
        self._chosen_trace = trace_id
        try:
            yield
        finally:
            self._chosen_trace = None


def span_id_of(attempt_id: str) -> int:
    """Return the span id of an attempt; never 0, which is none."""
    return int.from_bytes(blake2b(attempt_id.encode(), digest_size=8).digest()) or 1
