"""The world as a journal remembers it: what became of an attempt, and what would have, as far as anybody saw."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from math import inf
from random import Random
from typing import Final, NamedTuple

from providers.canonical import Failure, Reason, Stage
from router.core.evidence import PRIOR_OUTCOMES, PRIOR_S, PRIOR_SUCCESS
from router.core.history import RecordedAttempt, RecordedJob
from router.core.job import AttemptState, JobState
from router.core.reporting import DurationClass, class_of
from router.simulation.fate import Asked, Fate

NEAREST: Final = 4
"""Of so many outcomes before or after a moment one is taken for an attempt that was never made."""
AROUND_S: Final = 1800.0
"""How far from that moment they may be."""
_ANSWER_S: Final = 1.0
_AMBIGUOUS_ANSWER_S_MAX: Final = 120.0
# A poll finds an end a second or two after it.
_FOUND_LATE: Final = 0.007
_FOUND_LATE_S_MAX: Final = 2.5
_IMPATIENCE: Final = (Reason.STALLED, Reason.EXPIRED)
_REVIEWS: Final = (Stage.IMAGE_REVIEW, Stage.PROMPT_REVIEW, Stage.OUTPUT_REVIEW)


class Grounds(StrEnum):
    """What the fate of an attempt rests on, from the firmest on.

    `recorded`: this job was asked of this offering. `refused`: a review refused it, so every other one does. `around`:
    what the offering did about then with other jobs of its duration class; `overall`: what it did at any time.
    `assumed`: nobody saw it at work, and it does as routing believes of a stranger.
    """

    RECORDED = "recorded"
    REFUSED = "refused"
    AROUND = "around"
    OVERALL = "overall"
    ASSUMED = "assumed"


class Observed(NamedTuple):
    """An attempt that was made, with its money as a share of its quote. `at` is wall seconds, see `Fate` for others."""

    at: float
    answer_s: float
    refusal: Failure | None
    end_s: float
    failure: Failure | None
    silent_s: float
    posted: float
    open: float

    def fate(self, quote_microusd: int) -> Fate:
        """Return it as the fate of an attempt at another price."""
        paid = round(self.posted * quote_microusd)
        # What was booked is what it costs, whatever the contract said then or says now.
        failure = None if self.failure is None else replace(self.failure, cost_microusd=paid)
        return Fate(self.answer_s, self.refusal, self.end_s, failure, self.silent_s, paid)


class Known(NamedTuple):
    """A fate, what it rests on, and how much of its money nobody vouches for."""

    fate: Fate
    grounds: Grounds
    open_microusd: int = 0


@dataclass(frozen=True, slots=True)
class _Pool:
    """What an offering did with one duration class, in the order of time."""

    times: Sequence[float]
    seen: Sequence[Observed]

    def around(self, at: float, rng: Random) -> Observed | None:
        """Draw one of the nearest before or after; None where nobody was seen within AROUND_S.

        What is halfway between an outage's last failure and the first success is as likely the one as the other,
        however many successes follow.
        """
        here = bisect_left(self.times, at)
        first, last = bisect_left(self.times, at - AROUND_S), bisect_right(self.times, at + AROUND_S)
        before, after = self.seen[max(first, here - NEAREST) : here], self.seen[here : min(last, here + NEAREST)]
        if not (before and after):
            return _one_of(before or after, rng)
        before_s, after_s = at - before[-1].at, after[0].at - at
        return _one_of(before if rng.random() * (before_s + after_s) < after_s else after, rng)


class RecordedWorld:
    """What jobs met is what they meet again; what they did not meet is drawn by job and offering, for all alike."""

    def __init__(self, jobs: Iterable[RecordedJob], start_at: float, seed: int = 0) -> None:
        self._start_at = start_at
        self._seed = seed
        self._met: dict[tuple[str, str], Observed] = {}
        self._refused: dict[str, Observed] = {}
        self._delivered: dict[str, tuple[int, int]] = {}
        pools: dict[tuple[str, DurationClass], list[Observed]] = {}
        for job in jobs:
            self._take_in(job, pools)
        self._pools: Mapping[tuple[str, DurationClass], _Pool] = {key: _pool(seen) for key, seen in pools.items()}

    def fate(self, asked: Asked) -> Fate:
        """Return what such a submit comes to."""
        return self.known(asked).fate

    def known(self, asked: Asked) -> Known:
        """Return what such a submit comes to, and what that rests on."""
        job_id, quote_microusd = asked.job_id, asked.quote_microusd
        if (met := self._met.get((job_id, asked.offering.id))) is not None:
            return _known(met, Grounds.RECORDED, quote_microusd)
        if (refused := self._refused.get(job_id)) is not None:
            return Known(_refused(refused, asked), Grounds.REFUSED)
        rng = Random(f"{self._seed} {job_id} {asked.offering.id} {asked.nth}")
        kind = class_of(asked.video.size, asked.video.seconds)
        pool = self._pools.get((asked.offering.id, kind))
        if pool is not None and (near := pool.around(self._start_at + asked.at_s, rng)) is not None:
            return _known(near, Grounds.AROUND, quote_microusd)
        seen = self._of_other_classes(asked.offering.id, kind) if pool is None else pool.seen
        if (one := _one_of(seen, rng)) is not None:
            return _known(one, Grounds.OVERALL, quote_microusd)
        return Known(self._assumed(asked, kind, rng), Grounds.ASSUMED)

    def _take_in(self, job: RecordedJob, pools: dict[tuple[str, DurationClass], list[Observed]]) -> None:
        for attempt in job.attempts:
            seen = observed(attempt)
            if seen is None:
                continue
            self._met[job.id, attempt.offering_id] = seen
            if is_refused(attempt):
                self._refused[job.id] = seen
                continue
            pools.setdefault((attempt.offering_id, class_of(job.size, attempt.seconds)), []).append(seen)
            delivered, ended = self._delivered.get(attempt.provider, (0, 0))
            self._delivered[attempt.provider] = (delivered + attempt.delivered, ended + 1)
        if job.state is JobState.COMPLETED:
            # An output that one review withheld and another let pass says nothing of a third.
            self._refused.pop(job.id, None)

    def _of_other_classes(self, offering_id: str, kind: DurationClass) -> Sequence[Observed]:
        """What the offering did with videos of other classes, as long as they would take in this one."""
        return [
            each._replace(end_s=each.end_s * PRIOR_S[kind] / PRIOR_S[other])
            for other in DurationClass
            if (pool := self._pools.get((offering_id, other))) is not None
            for each in pool.seen
        ]

    def _assumed(self, asked: Asked, kind: DurationClass, rng: Random) -> Fate:
        """As routing believes of an offering that nobody asked: its provider's success elsewhere, with a prior."""
        delivered, ended = self._delivered.get(asked.offering.provider, (0, 0))
        success = (PRIOR_OUTCOMES * PRIOR_SUCCESS + delivered) / (PRIOR_OUTCOMES + ended)
        end_s = _ANSWER_S + PRIOR_S[kind]
        if rng.random() < success:
            return Fate(_ANSWER_S, end_s=end_s, paid_microusd=asked.quote_microusd)
        failure = Failure(Stage.GENERATE, Reason.INTERNAL)
        paid = asked.quote_microusd if asked.charge_rule.bills(failure) else 0
        return Fate(_ANSWER_S, end_s=end_s, failure=failure, paid_microusd=paid)


def observed(attempt: RecordedAttempt) -> Observed | None:
    """Return what an attempt shows; None of one that is under way, or that its job left without knowing how it was."""
    if attempt.ended_at is None or (attempt.state is AttemptState.LATE and attempt.reason is None):
        return None
    took_s = attempt.ended_at - attempt.submitted_at
    quote = max(1, attempt.quote_microusd)
    posted, still_open = attempt.posted_microusd / quote, attempt.open_microusd / quote
    failure = _failure(attempt)
    if attempt.accepted_at is None:
        answer_s = min(took_s, _AMBIGUOUS_ANSWER_S_MAX)
        return Observed(attempt.submitted_at, answer_s, failure, inf, None, inf, posted, still_open)
    answer_s = min(took_s, max(0.0, attempt.accepted_at - attempt.submitted_at))
    end_s = max(answer_s, took_s - min(_FOUND_LATE * took_s, _FOUND_LATE_S_MAX))
    silent_s = answer_s if attempt.reason is Reason.STALLED else inf
    if failure is not None and attempt.reason in _IMPATIENCE:
        # It ended later than its job waited, or not at all; how, only its money tells.
        end_s = inf if attempt.state is AttemptState.LATE else end_s
        failure = None if attempt.delivered else Failure(Stage.GENERATE, Reason.INTERNAL)
    return Observed(attempt.submitted_at, answer_s, None, end_s, failure, silent_s, posted, still_open)


def is_refused(attempt: RecordedAttempt) -> bool:
    """Whether a review did not let it pass, which is about the job."""
    return attempt.reason is Reason.REFUSED and attempt.stage in _REVIEWS


def _failure(attempt: RecordedAttempt) -> Failure | None:
    if attempt.stage is None or attempt.reason is None:
        return None
    return Failure(attempt.stage, attempt.reason)


def _refused(seen: Observed, asked: Asked) -> Fate:
    """Refuse as another review did; whether that is billed is in this one's contract."""
    failure = seen.failure or seen.refusal or Failure(Stage.PROMPT_REVIEW, Reason.REFUSED)
    if seen.refusal is not None:
        return Fate(seen.answer_s, failure)
    paid = asked.quote_microusd if asked.charge_rule.bills(failure) else 0
    return Fate(seen.answer_s, end_s=seen.end_s, failure=failure, paid_microusd=paid)


def _known(one: Observed, grounds: Grounds, quote_microusd: int) -> Known:
    return Known(one.fate(quote_microusd), grounds, round(one.open * quote_microusd))


def _one_of(seen: Sequence[Observed], rng: Random) -> Observed | None:
    return seen[int(rng.random() * len(seen))] if seen else None


def _pool(seen: Iterable[Observed]) -> _Pool:
    ordered = sorted(seen, key=lambda each: each.at)
    return _Pool([each.at for each in ordered], ordered)
