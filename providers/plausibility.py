"""What a dialect's reader may hand over. A stranger's values are clamped; where one makes no sense, None says so."""

import math
from collections import Counter
from enum import StrEnum
from typing import TypeVar

from providers.adapter import HttpResponse, PolledJob, PolledPage
from providers.canonical import Accepted, Failure, ListedJob, ListedPage, Reason, Running, Size, Stage, Succeeded
from providers.complaints import CODE_CHARS
from providers.fields import COST_MICROUSD, EXPIRES_AT_S, ID_CHARS, RETRY_AFTER_S, WORD_CHARS, as_id, as_url

E = TypeVar("E", bound=StrEnum)

REVIEWS = frozenset({Stage.IMAGE_REVIEW, Stage.PROMPT_REVIEW, Stage.OUTPUT_REVIEW})
SUBMIT_STAGES = REVIEWS | {Stage.SUBMIT}
POLL_STAGES = REVIEWS | {Stage.QUEUE, Stage.GENERATE, Stage.POLL}
SUBMIT_REASONS = frozenset(
    {
        Reason.REFUSED,
        Reason.INVALID,
        Reason.UNSUPPORTED,
        Reason.AUTH,
        Reason.BALANCE,
        Reason.RATE_LIMITED,
        Reason.OVERLOADED,
        Reason.AMBIGUOUS,
    }
)
POLL_REASONS = frozenset(
    {Reason.AUTH, Reason.BALANCE, Reason.RATE_LIMITED, Reason.OVERLOADED, Reason.INVALID, Reason.UNREADABLE}
)
JOB_REASONS = (SUBMIT_REASONS - {Reason.AMBIGUOUS}) | {
    Reason.INTERNAL,
    Reason.STALLED,
    Reason.EXPIRED,
    Reason.CANCELLED,
    Reason.OTHER,
}
JOBS_OF_A_PAGE = 100
PROMPT_CHARS = 32_000
SECONDS_MAX = 86_400


def sane_accepted(reading: Accepted) -> Accepted | None:
    """An acceptance whose id can be polled."""
    remote_id = as_id(reading.remote_id)
    return None if remote_id is None else Accepted(remote_id)


def sane_refusal(reading: Failure) -> Failure | None:
    """A create's failure with a stage and a reason that a create can have."""
    stage, reason = _member(Stage, reading.stage), _member(Reason, reading.reason)
    if stage not in SUBMIT_STAGES or reason not in SUBMIT_REASONS:
        return None
    if (reason is Reason.REFUSED) != (stage in REVIEWS):
        return None
    return _failure(reading, stage, reason)


def sane_job_end(reading: Failure) -> Failure | None:
    """A poll's failure, or a job's end, with a stage and a reason that it can have."""
    stage, reason = _member(Stage, reading.stage), _member(Reason, reading.reason)
    reasons = POLL_REASONS if stage is Stage.POLL else JOB_REASONS
    return _failure(reading, stage, reason) if stage in POLL_STAGES and reason in reasons else None


def sane_running(reading: Running) -> Running:
    """A running job with a progress of 0-100 and a link that is one."""
    return Running(
        bool(reading.queued),
        _progress(reading.progress),
        _text(reading.unknown_word)[:WORD_CHARS] or None,
        as_url(reading.url),
    )


def sane_succeeded(reading: Succeeded) -> Succeeded:
    """A finished job with a link that is one, and a cost and an end of the link that can be."""
    dies_at = _number(reading.expires_at, EXPIRES_AT_S)
    return Succeeded(as_url(reading.url), _cost(reading.cost_microusd), dies_at or None)


def sane_unlisted(reading: Failure) -> Failure | None:
    """A list's failure; it can be no more than one of the asking."""
    return sane_job_end(reading) if reading.stage == Stage.POLL else None


def sane_page(reading: ListedPage) -> ListedPage | None:
    """The first jobs of a page, without those that have no id; None when its next part could not be asked for.

    A page that was cut goes on after the last job that was looked at.
    """
    entries = tuple(reading.jobs)
    looked_at = entries[:JOBS_OF_A_PAGE]
    seen = [job for entry in looked_at if (job := _listed(entry)) is not None]
    if entries and not seen:
        return None
    told = seen[-1].remote_id if len(entries) > JOBS_OF_A_PAGE else reading.cursor
    cursor = None if told is None else as_id(told)
    whole = bool(reading.whole) and len(seen) == len(looked_at)
    return None if cursor is None and told is not None else ListedPage(tuple(seen), cursor, whole)


def sane_polled_page(reading: PolledPage) -> PolledPage | None:
    """The first jobs of a page, without those that have no id, or the same one; None as for `sane_page`.

    Of two entries with one id nobody knows which is the job's.
    """
    entries = tuple(reading.jobs)
    seen = [job for entry in entries[:JOBS_OF_A_PAGE] if (job := _polled(entry)) is not None]
    if entries and not seen:
        return None
    told = seen[-1].remote_id if len(entries) > JOBS_OF_A_PAGE else reading.cursor
    cursor = None if told is None else as_id(told)
    if cursor is None and told is not None:
        return None
    times = Counter(job.remote_id for job in seen)
    return PolledPage(tuple(job for job in seen if times[job.remote_id] == 1), cursor)


def _polled(entry: object) -> PolledJob | None:
    match entry:
        case PolledJob(remote_id, HttpResponse() as answer, created_at, ended) if as_id(remote_id) is not None:
            return PolledJob(remote_id, answer, _number(created_at, EXPIRES_AT_S), bool(ended))
        case _:
            return None


def _listed(entry: object) -> ListedJob | None:
    if not isinstance(entry, ListedJob) or (remote_id := as_id(entry.remote_id)) is None:
        return None
    seconds = entry.seconds
    return ListedJob(
        remote_id,
        _number(entry.created_at, EXPIRES_AT_S),
        _text(entry.model)[:ID_CHARS] or None,
        seconds if isinstance(seconds, int) and 0 < seconds <= SECONDS_MAX else None,
        entry.size if isinstance(entry.size, Size) else None,
        _text(entry.prompt)[:PROMPT_CHARS] or None,
        as_id(entry.reference),
    )


def _failure(reading: Failure, stage: Stage, reason: Reason) -> Failure:
    return Failure(
        stage,
        reason,
        _text(reading.message),
        _text(reading.code)[:CODE_CHARS] or None,
        _number(reading.retry_after_s, RETRY_AFTER_S),
        _cost(reading.cost_microusd),
        bool(reading.recognised),
    )


def _member(kind: type[E], value: str) -> E | None:
    try:
        return kind(value)
    except ValueError:
        return None


def _number(value: object, most: float) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        return None
    return float(min(value, most))


def _progress(value: object) -> int | None:
    if type(value) is int and 0 <= value <= 100:
        return value
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return int(min(100, max(0, value)))


def _cost(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= COST_MICROUSD else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
