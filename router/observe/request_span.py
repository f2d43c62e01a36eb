"""A request while it is answered, and a finished video on its way to its caller."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from opentelemetry.trace import Link, NonRecordingSpan, Span, SpanKind, Status, StatusCode, Tracer, set_span_in_context

from router.core.job import Job
from router.observe import semconv
from router.observe.traceparent import context_of_job, span_context_of, traceparent_of


class ContentSpan:
    """The sending of a finished video, in the trace of its job."""

    __slots__ = ("_refused", "_span")

    def __init__(self, span: Span) -> None:
        self._span = span
        self._refused = False

    def answered(self, status: int) -> None:
        """Name the HTTP status that its caller sees."""
        self._refused = 400 <= status < 500
        self._span.set_attribute(semconv.HTTP_STATUS, status)

    def sent(self, content_bytes: int) -> None:
        """Say how much of it was passed on."""
        self._span.set_attribute(semconv.CONTENT_BYTES, content_bytes)

    def broke(self, error: BaseException) -> None:
        """Make it an error, without the error's words."""
        broken(self._span, type(error).__name__)

    def failed(self, error: BaseException) -> None:
        """Make it an error, unless what its caller asked for cannot be had."""
        if not self._refused:
            self.broke(error)


class RequestSpan:
    """A request while it is answered. `trace_parent` is for the job that it makes; None when nothing is traced.

    The block that enters it is the request; what leaves that block as an error makes the span one, by its kind alone.
    """

    __slots__ = ("_span", "_tracer", "trace_parent")

    def __init__(self, span: Span, tracer: Tracer) -> None:
        self._span = span
        self._tracer = tracer
        self.trace_parent = traceparent_of(span)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            broken(self._span, kind.__name__)
        self._span.end()

    def about(self, job_id: str) -> None:
        """Name the job that the request makes, or asks for."""
        self._span.set_attribute(semconv.JOB, job_id)

    def answered(self, status: int) -> None:
        """Name the HTTP status; one of a server's fault makes the span an error."""
        self._span.set_attribute(semconv.HTTP_STATUS, status)
        if status >= 500:
            broken(self._span, str(status))

    @contextmanager
    def content(self, job: Job, variant: str) -> Iterator[ContentSpan]:
        """Span the sending of a finished video: in the trace of its job, whatever trace this request is of."""
        own = self._own()
        of_job = job.trace_parent is not None
        span = self._tracer.start_span(
            "content",
            context_of_job(job) if of_job else set_span_in_context(own),
            SpanKind.INTERNAL,
            {semconv.JOB: job.id, semconv.VARIANT: variant},
            [Link(own.get_span_context())] if of_job and own.get_span_context().is_valid else None,
        )
        content = ContentSpan(span)
        try:
            yield content
        except BaseException as error:
            content.failed(error)
            raise
        finally:
            span.end()

    def _own(self) -> Span:
        return self._span


class UnkeptRequestSpan(RequestSpan):
    """A request of which nothing is written: its trace is not kept, or it has none. Its id is all there is of it."""

    __slots__ = ()

    def __init__(self, trace_parent: str | None, tracer: Tracer) -> None:
        self._tracer = tracer
        self.trace_parent = trace_parent

    def __exit__(self, *_: object) -> None:
        pass

    def about(self, job_id: str) -> None:
        """Nobody is told."""

    def answered(self, status: int) -> None:
        """Nobody is told."""

    def _own(self) -> Span:
        return NonRecordingSpan(span_context_of(self.trace_parent))


def broken(span: Span, error_type: str) -> None:
    """Make a span an error of this kind; what happened is never told in words, which may quote the request."""
    span.set_attribute(semconv.ERROR_TYPE, error_type)
    span.set_status(Status(StatusCode.ERROR))
