"""How long a job takes and how far it is: pure functions of its fate and the time that has passed."""

import random
from dataclasses import dataclass, replace
from enum import StrEnum
from math import inf

from providers.canonical import Size, Stage
from providers.sandbox import clips
from providers.sandbox.faults import Fault, FaultRule

MINUTE_S = 60.0


class Status(StrEnum):
    """Where a job stands, whatever word its dialect has for it; the last three are its end."""

    QUEUED = "queued"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDS = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED})


@dataclass(frozen=True, slots=True)
class Fate:
    """What is going to happen to a job, fixed when it is accepted. Times are in unscaled seconds.

    `words` and `code` are said of its failure in the place of the dialect's own.
    """

    queue_s: float
    total_s: float
    failed_stage: Stage | None = None
    last_progress: int = 100
    never_ends: bool = False
    stuck_status: Status | None = None
    cancelled: bool = False
    words: str | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """A job as it is now. `ready` says that its video can be fetched, whatever its status says."""

    status: Status
    progress: int
    ready: bool = False
    failed_stage: Stage | None = None


def duration_s(seconds: int, size: Size, rng: random.Random) -> float:
    """How long generating takes: 1-3 min up to 10 s of video, 2 min more from 15 s on, 8 min more for hd."""
    longer = min(max((seconds - 10) / 5, 0.0), 1.0) * 2 * MINUTE_S
    hd = 8 * MINUTE_S if clips.is_hd(size) else 0.0
    return rng.uniform(1 * MINUTE_S, 3 * MINUTE_S) + longer + hd


def draw_fate(seconds: int, size: Size, rule: FaultRule | None, rng: random.Random) -> Fate:
    """Decide a job's life; `rule` is the fault about it, if one was drawn."""
    total_s = duration_s(seconds, size, rng)
    queue_s = total_s * rng.uniform(0.1, 0.25)
    late = rng.randint(90, 98)
    match rule.fault if rule else None:
        case Fault.IMAGE_REVIEW:
            return Fate(queue_s, queue_s, Stage.IMAGE_REVIEW, 0)
        case Fault.PROMPT_REVIEW:
            return Fate(queue_s, queue_s, Stage.PROMPT_REVIEW, 0)
        case Fault.OUTPUT_REVIEW:
            return Fate(queue_s, total_s, Stage.OUTPUT_REVIEW, late)
        case Fault.FAIL_AT_95:
            return Fate(queue_s, total_s, Stage.GENERATE, 95)
        case _ if rule is not None:
            return _odd_fate(rule, Fate(queue_s, total_s), late, rng)
        case _:
            return Fate(queue_s, total_s)


def _odd_fate(rule: FaultRule, plain: Fate, late: int, rng: random.Random) -> Fate:
    match rule.fault:
        case Fault.FAIL_WITH:
            progress = 95 if rule.progress is None else rule.progress
            failed = replace(plain, failed_stage=Stage.GENERATE, last_progress=progress)
            return replace(failed, words=rule.words or "", code=rule.code)
        case Fault.CANCELLED:
            return replace(plain, last_progress=late, cancelled=True)
        case Fault.STUCK_PROGRESS:
            status = Status.COMPLETED if rule.status == "completed" else Status.IN_PROGRESS
            return replace(plain, last_progress=late, stuck_status=status)
        case Fault.NEVER_FINISHING:
            return replace(plain, last_progress=rng.randint(40, 89), never_ends=True)
        case Fault.NEVER_STARTING:
            return Fate(inf, inf, last_progress=0)
        case _:
            return plain


def moment(fate: Fate, elapsed_s: float) -> Moment:
    """Where a job with this fate stands after `elapsed_s` unscaled seconds."""
    if elapsed_s < min(fate.queue_s, fate.total_s):
        return Moment(Status.QUEUED, 0)
    if elapsed_s < fate.total_s:
        done = (elapsed_s - fate.queue_s) / (fate.total_s - fate.queue_s)
        return Moment(Status.IN_PROGRESS, min(int(done * 100), fate.last_progress, 99))
    if fate.cancelled:
        return Moment(Status.CANCELLED, fate.last_progress)
    if fate.failed_stage is not None:
        return Moment(Status.FAILED, fate.last_progress, failed_stage=fate.failed_stage)
    if fate.never_ends:
        return Moment(Status.IN_PROGRESS, fate.last_progress)
    return Moment(fate.stuck_status or Status.COMPLETED, fate.last_progress, ready=True)
