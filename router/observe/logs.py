"""Events become log lines: one JSON object each, of fields that are listed here and nowhere else."""

from collections.abc import Iterable, Mapping, Sequence
from math import inf
from typing import Final, TextIO, assert_never

from providers.canonical import Failure
from router.core.clock import Clock
from router.core.events import (
    AttemptEnded,
    AttemptResolved,
    AttemptStarted,
    BreakerMoved,
    BreakerState,
    ConfigReloaded,
    CostDoubted,
    FailedOver,
    FailoverDelayed,
    JobAccepted,
    JobEnded,
    LedgerAdjusted,
    LookupEnded,
    LookupResult,
    MirrorOperation,
    MirrorUsed,
    ProviderDrained,
    ProviderOut,
    UnknownErrorSeen,
    UnknownStatusSeen,
    WebhookResult,
    WebhookTaken,
    WriteEnded,
)
from router.core.job import Attempt, AttemptState, Job
from router.core.ledger import CostKind, EntryKind, LedgerEntry
from router.core.resolution import Billed, Found, NotFound, Resolution
from router.observe.labels import OUT_REASONS, JobOutcome, closed, job_outcome
from router.observe.line_writer import LineWriter
from router.observe.lines import Fields, Level, Value, line
from router.observe.listeners import Listeners
from router.observe.once import Once
from router.observe.samples import harmless_code, sample, without_digits
from router.observe.scrubbing import fingerprint, token, told_cause
from router.observe.traceparent import parse_traceparent

_STATUSES_MAX: Final = 100
_SAMPLES_MAX: Final = 100
_SAMPLES_OF_PROVIDER_MAX: Final = 20
# Each of these is looked at in full, which takes milliseconds where prompts are long.
_ERRORS_READ_MAX: Final = 1_000
_ERRORS_READ_OF_PROVIDER_MAX: Final = 200
_LEFT_MAX: Final = 10_000
_WRITE_FAILURES_EVERY_S: Final = 30.0
_WEBHOOKS_EVERY_S: Final = 30.0
_MIRROR_FAILURES_EVERY_S: Final = 30.0
_NOT_TAKEN: Final = frozenset({WebhookResult.UNPROVEN, WebhookResult.UNREADABLE, WebhookResult.THROTTLED})
_CHANGES_CHARS_MAX: Final = 8_000
_RESOLUTIONS: Final[Mapping[type[Resolution], str]] = {Found: "found", NotFound: "not_found", Billed: "billed"}


class Logs:
    """Writes the events that matter to a person; exchanges are left to metrics."""

    def __init__(self, stream: TextIO, clock: Clock, level: Level = Level.INFO) -> None:
        self.writer = LineWriter(stream)
        self._clock = clock
        self._level = level
        self._statuses = Once(_STATUSES_MAX, _STATUSES_MAX)
        self._errors = Once(_ERRORS_READ_MAX, _ERRORS_READ_OF_PROVIDER_MAX)
        self._samples = Once(_SAMPLES_MAX, _SAMPLES_OF_PROVIDER_MAX)
        self._left: dict[str, None] = {}
        self._failed_writes = 0
        self._failed_writes_told_at = -inf
        self._writes_fail_since: float | None = None
        self._hooked = Once(_STATUSES_MAX, 1)
        self._webhooks_refused = 0
        self._webhooks_told_at = -inf
        self._mirror_failures = 0
        self._mirror_told_at = -inf
        self.listeners = self._listeners()

    def resume(self, jobs: Iterable[Job]) -> None:
        """Learn, at start, which attempts left their jobs while their money was not known."""
        for job in jobs:
            for attempt in job.attempts:
                self._remember(attempt)

    def _listeners(self) -> Listeners:
        heard = Listeners()
        heard.on(JobAccepted, self._accepted)
        heard.on(AttemptStarted, self._routed)
        heard.on(AttemptEnded, self._attempt_ended)
        heard.on(LookupEnded, self._told)
        heard.on(AttemptResolved, self._told)
        heard.on(LedgerAdjusted, self._told)
        heard.on(FailedOver, self._failed_over)
        heard.on(FailoverDelayed, self._failed_over)
        heard.on(JobEnded, self._job_ended)
        heard.on(UnknownStatusSeen, self._odd_answer)
        heard.on(UnknownErrorSeen, self._odd_answer)
        heard.on(CostDoubted, self._odd_answer)
        heard.on(WriteEnded, self._store_written)
        heard.on(BreakerMoved, self._circumstances)
        heard.on(ProviderOut, self._circumstances)
        heard.on(ProviderDrained, self._circumstances)
        heard.on(WebhookTaken, self._webhook_taken)
        heard.on(MirrorUsed, self._mirror_used)
        heard.on(ConfigReloaded, self._reloaded)
        return heard

    def _accepted(self, event: JobAccepted) -> None:
        job, video = event.job, event.job.video
        fields: dict[str, Value] = {
            "job": job.id,
            "trace": parse_traceparent(job.trace_parent),
            "caller": token(job.caller),
            "model": video.model,
            "seconds": video.seconds,
            "size": str(video.size),
            "images": len(video.images),
            "prompt_sha256_8": fingerprint(video.prompt),
            "prompt_length": len(video.prompt),
        }
        self._write(Level.INFO, "job_accepted", fields)

    def _routed(self, event: AttemptStarted) -> None:
        """Say who was chosen and why, with which chance among how many, and why the other offerings were left out."""
        attempt = event.attempt
        fields = _of_attempt(event.job, attempt)
        fields |= {
            "reason": event.reason,
            "share": round(event.share, 4),
            "candidates": event.candidates,
            "seconds": attempt.seconds,
            "quote_microusd": attempt.quote_microusd,
            "expected_microusd": round(event.expected_microusd),
        }
        for cause, count in event.excluded.items():
            fields[f"excluded_{cause}"] = count
        self._write(Level.INFO, "routed", fields)

    def _failed_over(self, event: FailedOver | FailoverDelayed) -> None:
        """Say whom a job leaves, and for whom or for how long it waits before."""
        left = event.left
        which: dict[str, Value] = {"from_provider": left.provider, "from_attempt": left.id}
        match event:
            case FailedOver(job, left, to):
                which |= {"to_provider": to.provider, "attempt": to.id, "stage": left.stage, "reason": left.reason}
                self._write(Level.WARNING, "failed_over", _of_job(job) | which)
            case FailoverDelayed(job, _, wait_s):
                self._write(Level.INFO, "failover_delayed", _of_job(job) | which | {"wait_s": round(wait_s, 3)})
            case _:
                assert_never(event)

    def _attempt_ended(self, event: AttemptEnded) -> None:
        """Write how an attempt left its job, and what its money became; of a late one's second end only that."""
        attempt = event.attempt
        late = attempt.id in self._left
        if not late:
            self._write(_level_of(attempt), "attempt_ended", _of_attempt(event.job, attempt) | _of_end(event))
            self._remember(attempt)
        for entry in event.entries:
            if entry.kind is not EntryKind.PENDING:
                self._money_settled(event, entry, late=late)

    def _money_settled(self, event: AttemptEnded, entry: LedgerEntry, *, late: bool) -> None:
        self._left.pop(entry.attempt_id, None)
        level = Level.WARNING if entry.cost_kind in (CostKind.FAILED_BILLED, CostKind.DUPLICATE) else Level.INFO
        money = {
            "kind": entry.cost_kind or entry.kind,
            "amount_microusd": entry.amount_microusd,
            "quote_microusd": event.attempt.quote_microusd,
            "late": late or None,
        }
        self._write(level, "money_settled", _of_attempt(event.job, event.attempt) | money)

    def _told(self, event: LookupEnded | AttemptResolved | LedgerAdjusted) -> None:
        """Say what a provider's list, or an operator, told of an attempt; a correction's note is the ledger's alone."""
        match event:
            case LookupEnded(provider, attempt_id, result):
                level = Level.INFO if result in (LookupResult.FOUND, LookupResult.ABSENT) else Level.WARNING
                self._write(level, "lookup_ended", {"attempt": attempt_id, "provider": provider, "result": result})
            case AttemptResolved(job, attempt, resolution):
                said = {"resolution": _RESOLUTIONS[type(resolution)], "state": attempt.state}
                self._write(Level.INFO, "attempt_resolved", _of_attempt(job, attempt) | said)
            case LedgerAdjusted(job, attempt, entry):
                money = {"kind": entry.cost_kind, "amount_microusd": entry.amount_microusd}
                quote = {"quote_microusd": attempt.quote_microusd}
                self._write(Level.WARNING, "ledger_adjusted", _of_attempt(job, attempt) | money | quote)
            case _:
                assert_never(event)

    def _remember(self, attempt: Attempt) -> None:
        if attempt.uncertain:
            self._left[attempt.id] = None
            if len(self._left) > _LEFT_MAX:
                del self._left[next(iter(self._left))]

    def _job_ended(self, event: JobEnded) -> None:
        job = event.job
        outcome = job_outcome(job)
        match outcome:
            case JobOutcome.SUCCEEDED | JobOutcome.REJECTED | JobOutcome.CANCELLED:
                level = Level.INFO
            case JobOutcome.FAILED | JobOutcome.EXPIRED:
                level = Level.WARNING
            case JobOutcome.UNKNOWN:
                level = Level.ERROR
            case _:
                assert_never(outcome)
        fields: dict[str, Value] = {"outcome": outcome, "attempts": len(job.attempts)}
        if isinstance(job.failure, Failure):
            fields |= {
                "stage": job.failure.stage,
                "reason": job.failure.reason,
                "code": harmless_code(job.failure.code, job.video.prompt),
            }
        if job.attempts:
            fields["provider"] = (job.delivered or job.attempts[-1]).provider
        if job.ended_at is not None:
            fields["duration_s"] = round(job.ended_at - job.created_at, 3)
        self._write(level, "job_ended", _of_job(job) | fields)

    def _circumstances(self, event: BreakerMoved | ProviderOut | ProviderDrained) -> None:
        """Write what concerns all jobs of a provider."""
        match event:
            case BreakerMoved(provider, kind, old, new):
                level = Level.WARNING if new is BreakerState.OPEN else Level.INFO
                self._write(level, "breaker_moved", {"provider": provider, "breaker": kind, "old": old, "new": new})
            case ProviderOut(provider, reason, for_s):
                why = closed(reason, OUT_REASONS)
                self._write(Level.ERROR, "provider_out", {"provider": provider, "reason": why, "for_s": for_s})
            case ProviderDrained(provider, drained):
                self._write(Level.INFO, "provider_drained", {"provider": provider, "drained": drained})
            case _:
                assert_never(event)

    def _reloaded(self, event: ConfigReloaded) -> None:
        level = Level.WARNING if event.warnings else Level.INFO
        name = "config_reloaded" if event.ok else "config_reload_failed"
        self._write(level if event.ok else Level.ERROR, name, _of_reload(event))

    def _store_written(self, event: WriteEnded) -> None:
        """Say at once that jobs cannot be stored, then now and then how often, and once that they can be again."""
        if event.ok and self._writes_fail_since is None:
            return
        now = self._clock.monotonic()
        if event.ok and self._writes_fail_since is not None:
            fields = {"for_s": round(now - self._writes_fail_since, 3)}
            self._writes_fail_since = None
            self._write(Level.INFO, "store_writes_again", fields)
            return
        self._failed_writes += 1
        if now - self._failed_writes_told_at >= _WRITE_FAILURES_EVERY_S:
            self._writes_fail_since = now if self._writes_fail_since is None else self._writes_fail_since
            told = {"failures": self._failed_writes, "cause": told_cause(event.cause)}
            self._write(Level.ERROR, "store_write_failed", told)
            self._failed_writes, self._failed_writes_told_at = 0, now

    def _webhook_taken(self, event: WebhookTaken) -> None:
        """Say that a provider's webhooks arrive, once, and now and then which ones were turned away, and how many."""
        if event.result not in _NOT_TAKEN:
            if self._hooked.first(event.provider):
                self._write(Level.INFO, "webhooks_arrive", {"provider": event.provider})
            return
        self._webhooks_refused += 1
        now = self._clock.monotonic()
        if now - self._webhooks_told_at >= _WEBHOOKS_EVERY_S:
            told = {"result": event.result, "cause": told_cause(event.cause), "refused": self._webhooks_refused}
            self._write(Level.WARNING, "webhook_refused", {"provider": event.provider, **told})
            self._webhooks_refused, self._webhooks_told_at = 0, now

    def _mirror_used(self, event: MirrorUsed) -> None:
        """Say what a start found, and now and then that videos could not be kept, how many, and why the last one."""
        if event.operation is MirrorOperation.FOUND:
            self._write(Level.INFO, "mirror_found", {"videos": event.files, "bytes": event.held_bytes})
        if event.operation is not MirrorOperation.FAILED:
            return
        self._mirror_failures += 1
        now = self._clock.monotonic()
        if now - self._mirror_told_at >= _MIRROR_FAILURES_EVERY_S:
            told = {"failures": self._mirror_failures, "cause": told_cause(event.cause)}
            self._write(Level.ERROR, "mirror_failed", told)
            self._mirror_failures, self._mirror_told_at = 0, now

    def _odd_answer(self, event: UnknownStatusSeen | UnknownErrorSeen | CostDoubted) -> None:
        match event:
            case UnknownStatusSeen():
                self._unknown_status(event)
            case UnknownErrorSeen():
                self._unknown_error(event)
            case CostDoubted(provider, told_microusd, quote_microusd):
                told = {"told_microusd": told_microusd, "quote_microusd": quote_microusd}
                self._write(Level.WARNING, "cost_doubted", {"provider": provider, **told})
            case _:
                assert_never(event)

    def _unknown_status(self, event: UnknownStatusSeen) -> None:
        """Say an unknown word once: a job in such a status is polled many times."""
        if self._statuses.first(event.provider, event.word[:64]):
            self._write(Level.WARNING, "unknown_status", {"provider": event.provider, "word": token(event.word)})

    def _unknown_error(self, event: UnknownErrorSeen) -> None:
        """Say each pattern of unknown words once, so that the tables can learn them, and nothing of the prompt."""
        provider, failure = event.provider, event.failure
        told = without_digits(f"{failure.stage} {failure.reason} {failure.code} {failure.message}")
        if self._samples.full(provider) or not self._errors.first(provider, told):
            return
        fields: dict[str, str | None] = {
            "stage": failure.stage,
            "reason": failure.reason,
            "code": harmless_code(failure.code, event.prompt),
            "sample": sample(failure.message, event.prompt),
        }
        if self._samples.first(provider, *(without_digits(value or "") for value in fields.values())):
            self._write(Level.WARNING, "unknown_error", {"provider": provider, **fields})

    def _write(self, level: Level, event: str, fields: Fields) -> None:
        if level >= self._level:
            self.writer.write(line(self._clock.wall(), level, event, fields), at_once=level >= Level.ERROR)


def _level_of(attempt: Attempt) -> Level:
    match attempt.state:
        case AttemptState.UNKNOWN:
            return Level.ERROR
        case AttemptState.LATE | AttemptState.FAILED:
            return Level.WARNING
        case _:
            return Level.INFO


def _of_job(job: Job) -> dict[str, Value]:
    return {"job": job.id, "trace": parse_traceparent(job.trace_parent)}


def _of_attempt(job: Job, attempt: Attempt) -> dict[str, Value]:
    return {
        "job": job.id,
        "trace": parse_traceparent(job.trace_parent),
        "attempt": attempt.id,
        "provider": attempt.provider,
        "offering": attempt.offering_id,
    }


def _of_end(event: AttemptEnded) -> dict[str, Value]:
    attempt = event.attempt
    fields: dict[str, Value] = {
        "state": attempt.state,
        "stage": attempt.stage,
        "reason": attempt.reason,
        "code": harmless_code(attempt.code, event.job.video.prompt),
        "cause": told_cause(event.cause),
        "progress": event.progress,
    }
    if attempt.ended_at is not None:
        fields["duration_s"] = round(attempt.ended_at - attempt.submitted_at, 3)
    return fields | {f"{stage}_s": round(seconds, 3) for stage, seconds in event.stage_seconds.items()}


def _of_reload(event: ConfigReloaded) -> dict[str, Value]:
    return {
        "digest": event.digest or None,
        "changes": _listed(event.changes, _CHANGES_CHARS_MAX),
        "problems": _listed(event.problems, _CHANGES_CHARS_MAX),
        "warnings": _listed(event.warnings, _CHANGES_CHARS_MAX),
    }


def _listed(sentences: Sequence[str], chars_max: int) -> str | None:
    """Join as many whole sentences as have room; they are the router's own, so none holds a secret."""
    listed: list[str] = []
    for sentence in sentences:
        chars_max -= len(sentence) + 2
        if chars_max < 0:
            listed.append(f"and {len(sentences) - len(listed)} more")
            break
        listed.append(sentence)
    return "; ".join(listed) or None
