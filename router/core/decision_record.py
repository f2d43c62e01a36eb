"""A routing decision as it is kept with its attempt and shown to people: plain values, in the router's own names."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from providers.canonical import VideoRequest
from router.core.eligibility import Exclusion, ExclusionCause
from router.core.ranking import Basis, DecisionReason
from router.core.routing import Candidate, Decision


class CandidateRecord(NamedTuple):
    """A candidate with every term of its score. Money is in micro-USD, the expected one a fraction.

    `outcomes` is the sample size that the bound `success_low` rests on; `flips_at_microusd` is the quote at which it
    would have been the best, or, of the best itself, at which it would no longer be; None where no quote would.
    """

    offering: str
    provider: str
    model: str
    seconds: int
    quote_microusd: int
    share: float
    expected_microusd: float
    paid_attempts: float
    risk_microusd: float
    wait_microusd: float
    total_microusd: float
    wait_s: float
    success: float
    success_low: float
    outcomes: float
    p50_s: float
    p90_s: float
    in_flight: int
    busy: float
    weight: float
    priority: int
    probing: bool
    late: bool
    flips_at_microusd: int | None


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """Candidates in the order in which they would be tried; `chosen` is the offering that was, None of a dry run.

    `more_excluded` is how many offerings were excluded besides, by why: what is kept with an attempt has its limit.
    """

    at: float
    basis: Basis
    reason: DecisionReason
    model: str
    seconds: int
    size: str
    candidates: tuple[CandidateRecord, ...]
    exclusions: tuple[Exclusion, ...]
    chosen: str | None = None
    more_excluded: tuple[tuple[ExclusionCause, int], ...] = ()


def record_of(decision: Decision, video: VideoRequest, at: float, chosen: Candidate | None = None) -> DecisionRecord:
    """Write a decision down; `at` is wall seconds."""
    by, best = decision.basis, _two_best(decision)
    return DecisionRecord(
        at,
        by,
        decision.reason,
        video.model,
        video.seconds,
        str(video.size),
        tuple([_candidate(each, _flip_microusd(by, each, best)) for each in decision.candidates]),
        decision.exclusions,
        None if chosen is None else chosen.offering.id,
    )


def _two_best(decision: Decision) -> Sequence[Candidate]:
    """Find who would be asked first if nothing were tried out, and who would if that one were not there."""
    if len(decision.candidates) == 1:
        return decision.candidates
    steady = (each for each in decision.candidates if not each.probing)
    # All but the first are in order, so that the two are among the first three.
    return sorted(islice(steady, 3), key=lambda each: (each.tier, each.value))[:2]


def _flip_microusd(by: Basis, candidate: Candidate, best: Sequence[Candidate]) -> int | None:
    """Return at which quote this candidate would become the best of its tier, or the best would cease to be it."""
    rivals = best[1:] if best and best[0] is candidate else best
    if not rivals or candidate.probing or candidate.tier != rivals[0].tier:
        return None
    if by is Basis.PRICE:
        return int(rivals[0].value)
    score = candidate.estimate.score
    left = rivals[0].value - score.besides_microusd
    return int(left / score.paid_attempts) if by is Basis.EXPECTED_COST and left > 0.0 else None


def _candidate(each: Candidate, flips_at_microusd: int | None) -> CandidateRecord:
    offering = each.offering
    return CandidateRecord(
        offering.id,
        offering.provider,
        offering.model,
        each.video.seconds,
        each.quote_microusd,
        round(each.share, 6),
        *each.estimate.figures,
        offering.weight,
        offering.priority,
        each.probing,
        each.late,
        flips_at_microusd,
    )
