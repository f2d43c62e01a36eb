"""Events become log lines: one JSON object each, of fields that are listed here and nowhere else."""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import IntEnum
from typing import Final, TextIO, TypeAlias, assert_never

import orjson

from providers.canonical import Failure, Stage
from router.core.clock import Clock
from router.core.events import (
    AttemptEnded,
    AttemptStarted,
    BreakerMoved,
    BreakerState,
    CostDoubted,
    Event,
    ExchangeEnded,
    FailedOver,
    JobAccepted,
    JobEnded,
    PollFailed,
    ProviderOut,
    UnknownErrorSeen,
    UnknownStatusSeen,
)
from router.core.job import Attempt, AttemptState, Job
from router.core.ledger import EntryKind
from router.observe.labels import OUT_REASONS, JobOutcome, closed, job_outcome
from router.observe.once import Once
from router.observe.samples import sample, shares, without_digits
from router.observe.scrubbing import fingerprint, scrubbed, token
from router.observe.traceparent import parse_traceparent

Fields: TypeAlias = Mapping[str, str | int | float | bool | None]
_STATUSES_MAX: Final = 100
_SAMPLES_MAX: Final = 100
_SAMPLES_OF_PROVIDER_MAX: Final = 20
# Each of these is looked at in full, which takes milliseconds where prompts are long.
_ERRORS_READ_MAX: Final = 1_000
_ERRORS_READ_OF_PROVIDER_MAX: Final = 200


class Level(IntEnum):
    """Who should look: nobody (info), whoever is on duty, at leisure (warning), somebody now (error)."""

    DEBUG = logging.DEBUG
    INFO = logging.INFO
    WARNING = logging.WARNING
    ERROR = logging.ERROR


def line(at: float, level: Level, event: str, fields: Fields) -> str:
    """Write one log line; fields that are None are left out. `at` is wall seconds."""
    known = {name: value for name, value in fields.items() if value is not None}
    time = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    head = {"time": time, "level": level.name.lower(), "event": event}
    return orjson.dumps({**head, **known}, option=orjson.OPT_APPEND_NEWLINE).decode()


class Logs:
    """Writes the events that matter to a person; exchanges are left to metrics."""

    def __init__(self, stream: TextIO, clock: Clock, level: Level = Level.INFO) -> None:
        self._stream = stream
        self._clock = clock
        self._level = level
        self._statuses = Once(_STATUSES_MAX, _STATUSES_MAX)
        self._errors = Once(_ERRORS_READ_MAX, _ERRORS_READ_OF_PROVIDER_MAX)
        self._samples = Once(_SAMPLES_MAX, _SAMPLES_OF_PROVIDER_MAX)

    def observe(self, event: Event) -> None:
        """Write the line of one event of the engine, if it has one."""
        match event:
            case JobAccepted(job):
                self._write(Level.INFO, "job_accepted", _of_job(job) | _of_request(job))
            case AttemptStarted(job, attempt, share):
                chosen = {
                    "share": round(share, 4),
                    "seconds": attempt.seconds,
                    "quote_microusd": attempt.quote_microusd,
                }
                self._write(Level.INFO, "attempt_started", _of_attempt(job, attempt) | chosen)
            case AttemptEnded():
                self._attempt_ended(event)
            case FailedOver(job, left, to):
                where = {"from_provider": left.provider, "to_provider": to.provider}
                which = {"from_attempt": left.id, "attempt": to.id, "stage": left.stage, "reason": left.reason}
                self._write(Level.WARNING, "failed_over", _of_job(job) | where | which)
            case JobEnded(job):
                self._job_ended(job)
            case BreakerMoved(provider, kind, old, new):
                level = Level.WARNING if new is BreakerState.OPEN else Level.INFO
                self._write(level, "breaker_moved", {"provider": provider, "breaker": kind, "old": old, "new": new})
            case ProviderOut(provider, reason, for_s):
                why = closed(reason, OUT_REASONS)
                self._write(Level.ERROR, "provider_out", {"provider": provider, "reason": why, "for_s": for_s})
            case UnknownStatusSeen() | UnknownErrorSeen() | CostDoubted():
                self._odd_answer(event)
            case ExchangeEnded() | PollFailed():
                pass
            case _:
                assert_never(event)

    def _attempt_ended(self, event: AttemptEnded) -> None:
        attempt = event.attempt
        fields: dict[str, str | int | float | None] = {
            "state": attempt.state,
            "stage": attempt.stage,
            "reason": attempt.reason,
            "code": token(attempt.code),
            "cause": None if event.cause is None else scrubbed(event.cause, 200),
        }
        if attempt.ended_at is not None:
            fields["duration_s"] = round(attempt.ended_at - attempt.submitted_at, 3)
        for entry in event.entries:
            if entry.kind is not EntryKind.PENDING:
                fields |= {"money": entry.cost_kind or entry.kind, "amount_microusd": entry.amount_microusd}
        for stage, seconds in event.stage_seconds.items():
            fields[f"{Stage(stage)}_s"] = round(seconds, 3)
        self._write(_level_of(attempt), "attempt_ended", _of_attempt(event.job, attempt) | fields)

    def _job_ended(self, job: Job) -> None:
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
        fields: dict[str, str | int | float | None] = {"outcome": outcome, "attempts": len(job.attempts)}
        if isinstance(job.failure, Failure):
            fields |= {"stage": job.failure.stage, "reason": job.failure.reason, "code": token(job.failure.code)}
        if job.attempts:
            fields["provider"] = (job.delivered or job.attempts[-1]).provider
        if job.ended_at is not None:
            fields["duration_s"] = round(job.ended_at - job.created_at, 3)
        self._write(level, "job_ended", _of_job(job) | fields)

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
        provider, failure, code = event.provider, event.failure, token(event.failure.code)
        told = without_digits(f"{failure.stage} {failure.reason} {failure.code} {failure.message}")
        if self._samples.full(provider) or not self._errors.first(provider, told):
            return
        fields: dict[str, str | None] = {
            "stage": failure.stage,
            "reason": failure.reason,
            "code": None if code is None or shares(code, event.prompt) else code,
            "sample": sample(failure.message, event.prompt),
        }
        if self._samples.first(provider, *(without_digits(value or "") for value in fields.values())):
            self._write(Level.WARNING, "unknown_error", {"provider": provider, **fields})

    def _write(self, level: Level, event: str, fields: Fields) -> None:
        if level >= self._level:
            self._stream.write(line(self._clock.wall(), level, event, fields))
            self._stream.flush()


def _level_of(attempt: Attempt) -> Level:
    match attempt.state:
        case AttemptState.UNKNOWN:
            return Level.ERROR
        case AttemptState.LATE | AttemptState.FAILED:
            return Level.WARNING
        case _:
            return Level.INFO


def _of_job(job: Job) -> dict[str, str | int | float | None]:
    return {"job": job.id, "trace": parse_traceparent(job.trace_parent)}


def _of_request(job: Job) -> dict[str, str | int | float | None]:
    video = job.video
    return {
        "caller": token(job.caller),
        "model": video.model,
        "seconds": video.seconds,
        "size": str(video.size),
        "images": len(video.images),
        "prompt_sha256_8": fingerprint(video.prompt),
        "prompt_length": len(video.prompt),
    }


def _of_attempt(job: Job, attempt: Attempt) -> dict[str, str | int | float | None]:
    return _of_job(job) | {"attempt": attempt.id, "provider": attempt.provider, "offering": attempt.offering_id}
