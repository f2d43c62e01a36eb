"""The spans of an attempt, written when it has ended: its own, its submit, its downloads; later, if late, its money."""

from collections.abc import Mapping

from opentelemetry.context import Context
from opentelemetry.trace import Link, NonRecordingSpan, Span, SpanContext, SpanKind, Tracer, set_span_in_context
from opentelemetry.util.types import AttributeValue

from providers.canonical import Reason, Stage
from router.core.clock import Clock
from router.core.events import AttemptEnded, AttemptStarted
from router.core.job import Attempt, AttemptState, Job
from router.core.ledger import EntryKind, cost_microusd
from router.core.money import MICROUSD_PER_USD
from router.core.ranking import DecisionReason
from router.core.trail import Download, PollNote, Said, Trail
from router.observe import semconv
from router.observe.request_span import broken
from router.observe.scrubbing import told_cause
from router.observe.span_ids import SpanIds, span_id_of
from router.observe.traceparent import context_of_job, sampled_trace_id, span_context_of


class AttemptSpans:
    """Writes to a tracer whose ids come from `ids`.

    Where its sampler `follows` whoever began a trace, nothing is done or kept for a job whose trace is not.
    """

    def __init__(self, tracer: Tracer, ids: SpanIds, clock: Clock, *, follows: bool = False) -> None:
        self._tracer = tracer
        self._ids = ids
        self._clock = clock
        self._follows = follows
        # Of attempts under way, which their span tells when it is written: why, and for which cost in micro-USD.
        self._routes: dict[str, tuple[DecisionReason, float]] = {}

    def began(self, event: AttemptStarted) -> None:
        """Keep in mind why routing chose its offering, and what it expected of it."""
        if self._may_be_kept(event.job):
            self._routes[event.attempt.id] = (event.reason, event.expected_microusd)

    def ended(self, event: AttemptEnded) -> None:
        """Write what an attempt went through; of one that had ended before, what its money came to."""
        if not self._may_be_kept(event.job):
            return
        if event.trail is None:
            self._settled(event)
        else:
            self._attempt(event, event.trail)

    def _may_be_kept(self, job: Job) -> bool:
        return not self._follows or job.trace_parent is None or sampled_trace_id(job.trace_parent) is not None

    def _attempt(self, event: AttemptEnded, trail: Trail) -> None:
        attempt, job = event.attempt, event.job
        route = self._routes.pop(attempt.id, None)
        with self._ids.chosen(span_id_of(attempt.id)):
            span = self._tracer.start_span(
                f"video_generation {job.video.model}",
                context_of_job(job),
                SpanKind.CLIENT,
                links=_follows(job, attempt),
                start_time=nanoseconds(attempt.submitted_at),
            )
        if not span.is_recording():
            return
        span.set_attributes(_attributes(event, trail))
        if route is not None:
            reason, expected_microusd = route
            span.set_attribute(semconv.ROUTE_REASON, reason)
            span.set_attribute(semconv.ROUTE_EXPECTED_COST_USD, expected_microusd / MICROUSD_PER_USD)
        if attempt.state is not AttemptState.SUCCEEDED:
            broken(span, _error_type(attempt))
        if trail.found_at is not None:
            span.add_event("found", timestamp=nanoseconds(trail.found_at))
        for note in trail.notes:
            _add_event(span, note)
        below = set_span_in_context(span, Context())
        self._submit(attempt, event.cause, trail, below)
        for download in trail.downloads:
            self._download(attempt, download, below)
        ended_at = self._clock.wall() if attempt.ended_at is None else attempt.ended_at
        span.end(nanoseconds(max(ended_at, attempt.submitted_at)))

    def _submit(self, attempt: Attempt, cause: str | None, trail: Trail, below: Context) -> None:
        """Write the submit from its durable intent to its answer; of an interrupted one nobody knows the end."""
        found = trail.found_at is not None
        answered_at = trail.answered_at if found else attempt.accepted_at or trail.answered_at
        if answered_at is None:
            return
        span = self._exchange("submit", attempt, attempt.submitted_at, below)
        if found:
            broken(span, f"{Stage.SUBMIT}.{Reason.AMBIGUOUS}")
        elif attempt.accepted_at is None:
            broken(span, _error_type(attempt))
            _tell_cause(span, cause)
        span.end(nanoseconds(max(answered_at, attempt.submitted_at)))

    def _download(self, attempt: Attempt, download: Download, below: Context) -> None:
        span = self._exchange("download", attempt, download.began_at, below)
        if download.reason is not None:
            broken(span, f"download.{download.reason}")
            _tell_cause(span, download.cause)
        span.end(nanoseconds(max(download.ended_at, download.began_at)))

    def _exchange(self, name: str, attempt: Attempt, began_at: float, below: Context) -> Span:
        attributes: dict[str, AttributeValue] = {
            semconv.PROVIDER: attempt.provider,
            semconv.JOB: attempt.job_id,
            semconv.ATTEMPT: attempt.number,
        }
        return self._tracer.start_span(name, below, SpanKind.CLIENT, attributes, start_time=nanoseconds(began_at))

    def _settled(self, event: AttemptEnded) -> None:
        """Tell in the trace of a late attempt what it cost, below its span, which was written when it left its job."""
        attempt = event.attempt
        own = _span_of(event.job, attempt)
        below = Context() if own is None else set_span_in_context(NonRecordingSpan(own), Context())
        at = nanoseconds(self._clock.wall() if attempt.ended_at is None else attempt.ended_at)
        span = self._tracer.start_span("settled", below, SpanKind.INTERNAL, start_time=at)
        if span.is_recording():
            span.set_attributes(_identity(attempt) | _cost(event))
            span.end(at)


def nanoseconds(wall_s: float) -> int:
    """Return a time as spans have it, exact to the microsecond that a float of this size holds."""
    return round(wall_s * 1_000_000) * 1_000


def _span_of(job: Job, attempt: Attempt) -> SpanContext | None:
    """The span of an attempt of this job, written or not yet; None when the job has no trace."""
    parent = span_context_of(job.trace_parent)
    if not parent.is_valid:
        return None
    return SpanContext(parent.trace_id, span_id_of(attempt.id), is_remote=True, trace_flags=parent.trace_flags)


def _follows(job: Job, attempt: Attempt) -> list[Link]:
    """The attempt whose failure this one is there to make good."""
    before = next((each for each in job.attempts if each.number == attempt.number - 1), None)
    left = None if before is None else _span_of(job, before)
    return [] if left is None else [Link(left)]


def _error_type(attempt: Attempt) -> str:
    return f"{attempt.stage or 'other'}.{attempt.reason or 'other'}"


def _tell_cause(span: Span, cause: str | None) -> None:
    if (told := told_cause(cause)) is not None:
        span.set_attribute(semconv.CAUSE, told)


def _add_event(span: Span, note: PollNote) -> None:
    attributes: dict[str, AttributeValue] = {semconv.POLLS: note.polls}
    if note.reason is not None:
        attributes[semconv.REASON] = note.reason
    if note.progress is not None:
        attributes[semconv.PROGRESS] = note.progress
    if note.said is not Said.SILENT:
        attributes[semconv.STATUS] = note.said
    span.add_event("poll_failed" if note.said is Said.SILENT else "poll", attributes, nanoseconds(note.at))


def _identity(attempt: Attempt) -> dict[str, AttributeValue]:
    return {
        semconv.PROVIDER: attempt.provider,
        semconv.JOB: attempt.job_id,
        semconv.ATTEMPT: attempt.number,
        semconv.OFFERING: attempt.offering_id,
        semconv.STATE: attempt.state,
    }


def _attributes(event: AttemptEnded, trail: Trail) -> dict[str, AttributeValue]:
    attempt, video = event.attempt, event.job.video
    known: Mapping[str, AttributeValue | None] = {
        semconv.STAGE: attempt.stage,
        semconv.REASON: attempt.reason,
        semconv.CAUSE: told_cause(event.cause),
        semconv.PROGRESS: event.progress,
        semconv.RESUMED: trail.resumed or None,
    }
    return {
        semconv.OPERATION: "video_generation",
        semconv.REQUEST_MODEL: video.model,
        semconv.RESPONSE_MODEL: attempt.upstream_model,
        semconv.OUTPUT_TYPE: "video",
        semconv.SECONDS: attempt.seconds,
        semconv.SIZE: str(video.size),
        semconv.QUOTE_USD: attempt.quote_microusd / MICROUSD_PER_USD,
        semconv.POLLS: trail.polls,
        semconv.POLLS_FAILED: trail.polls_failed,
        semconv.DOWNLOADS: trail.downloads_begun,
        **_identity(attempt),
        **_cost(event),
        **{f"video_router.{stage}_s": seconds for stage, seconds in event.stage_seconds.items()},
        **{name: value for name, value in known.items() if value is not None},
    }


def _cost(event: AttemptEnded) -> dict[str, AttributeValue]:
    """What is certain of its money: posted, or nothing when voided; an open entry is told when it is closed."""
    cost: dict[str, AttributeValue] = {}
    for entry in event.entries:
        if entry.kind is EntryKind.PENDING:
            continue
        cost = {semconv.COST_AMOUNT: cost_microusd(entry) / MICROUSD_PER_USD, semconv.COST_CURRENCY: "USD"}
        if entry.cost_kind is not None:
            cost[semconv.COST_KIND] = entry.cost_kind
    return cost
