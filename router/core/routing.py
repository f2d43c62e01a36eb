"""Which offerings may take a job now, in which order, at which expected cost, and why the others may not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from random import Random
from typing import Final

from providers.canonical import VideoRequest
from router.core.budget import UNLIMITED, Left
from router.core.catalog import Catalog, Offering
from router.core.eligibility import (
    Conditions,
    Eligible,
    Exclusion,
    ExclusionCause,
    ProviderStanding,
    eligible,
)
from router.core.evidence import SUCCESS_MAX, Seen, TrackRecords
from router.core.objective import Estimate, Objective
from router.core.preferences import NO_PREFERENCES, RoutingPreferences
from router.core.ranking import Basis, Candidate, DecisionReason, basis, ranked
from router.core.routing_settings import PanicPolicy, RoutingPolicy, RoutingSettings

__all__ = ["Candidate", "Decision", "Situation", "decide"]


_NOBODY: Final = frozenset[str]()


@dataclass(frozen=True, slots=True)
class Decision:
    """Candidates in the order they would be tried, and everything that was excluded.

    `premium_microusd` is what the first of them, where it is a trial, is expected to cost more than the best.
    """

    candidates: tuple[Candidate, ...]
    exclusions: tuple[Exclusion, ...]
    basis: Basis = Basis.EXPECTED_COST
    reason: DecisionReason = DecisionReason.BEST
    premium_microusd: int = 0

    @property
    def first(self) -> Candidate | None:
        """The candidate to try now."""
        return self.candidates[0] if self.candidates else None

    @property
    def excluded(self) -> Mapping[ExclusionCause, int]:
        """How many offerings were excluded, by why."""
        counts: dict[ExclusionCause, int] = {}
        for exclusion in self.exclusions:
            counts[exclusion.cause] = counts.get(exclusion.cause, 0) + 1
        return counts

    @property
    def spend_stops(self) -> bool:
        """Whether the job's spending limit alone keeps it from another offering."""
        return self._stopped_by(ExclusionCause.SPEND)

    @property
    def caller_budget_stops(self) -> bool:
        """Whether what is left of the caller's day alone keeps it from another offering."""
        return self._stopped_by(ExclusionCause.CALLER_BUDGET)

    @property
    def day_ends_in_s(self) -> float:
        """How long the budgets of this day are in force; 0 when none of them is in the way."""
        budgets = (ExclusionCause.CALLER_BUDGET, ExclusionCause.PROVIDER_BUDGET)
        return max((each.retry_after_s or 0.0 for each in self.exclusions if each.cause in budgets), default=0.0)

    @property
    def provider_budgets_stop(self) -> bool:
        """Whether whoever could take the job has used up the day's budget, so that waiting means until tomorrow."""
        passing = {each.cause for each in self.exclusions if each.cause.passes}
        return not self.candidates and passing == {ExclusionCause.PROVIDER_BUDGET}

    @property
    def may_pass(self) -> bool:
        """Whether nobody can take the job now, yet somebody may soon."""
        return not self.candidates and any(exclusion.cause.passes for exclusion in self.exclusions)

    def may_pass_within(self, wait_s: float) -> bool:
        """Whether somebody may take the job within `wait_s`; an exclusion that names no time may pass at any."""
        return self.may_pass and any(
            exclusion.cause.passes and (exclusion.retry_after_s or 0.0) <= wait_s for exclusion in self.exclusions
        )

    @property
    def retry_after_s(self) -> float | None:
        """The soonest moment at which an exclusion that passes may be lifted, as far as anyone knows."""
        waits = [each.retry_after_s for each in self.exclusions if each.cause.passes and each.retry_after_s is not None]
        return min(waits, default=None)

    def _stopped_by(self, cause: ExclusionCause) -> bool:
        return not self.candidates and not self.may_pass and any(each.cause is cause for each in self.exclusions)


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything a decision depends on besides the request and the catalogue. `now` is wall seconds.

    `attempts_left` counts the one to come; `ventures` is False when nothing may be tried out with it. `left_s` is the
    time that the job has; `turns` says whose turn it is where shares are fixed, `trials_microusd` what trials may still
    be expected to cost today.
    """

    standings: Mapping[str, ProviderStanding]
    records: TrackRecords
    now: float
    preferences: RoutingPreferences = NO_PREFERENCES
    settings: RoutingSettings = field(default_factory=RoutingSettings)
    tried: frozenset[str] = frozenset()
    spend_left_microusd: int | None = None
    left: Left = UNLIMITED
    attempts_left: int = 3
    ventures: bool = True
    left_s: float | None = None
    turns: Mapping[str, float] = field(default_factory=dict)
    trials_microusd: int = 0

    @property
    def conditions(self) -> Conditions:
        """What of it says who may take the job at all."""
        return Conditions(
            self.standings,
            self.now,
            self.preferences,
            self.preferences.duration_policy or self.settings.duration_policy,
            self.tried,
            self.spend_left_microusd,
            self.left,
        )


def decide(video: VideoRequest, catalog: Catalog, situation: Situation, rng: Random) -> Decision:
    """Sort every offering into candidates and exclusions, and put the candidates in order."""
    preferences, settings = situation.preferences, situation.settings
    found, exclusions = eligible(video, catalog, situation.conditions)
    if settings.panic is PanicPolicy.NEVER:
        found, turned_away = _without_panic(found, catalog)
        exclusions += turned_away
    by = basis(preferences, settings)
    judged = _judged(found, by, situation)
    # A trial may fail: there must be somebody to go on with.
    tries = situation.ventures and preferences.allow_fallbacks and not preferences.order
    trials_microusd = situation.trials_microusd if tries else None
    candidates, reason, premium_microusd = ranked(
        judged, by, settings, situation.turns, trials_microusd, _back(found, catalog, situation), rng
    )
    return Decision(candidates, exclusions, by, reason, premium_microusd)


def _without_panic(found: list[Eligible], catalog: Catalog) -> tuple[list[Eligible], tuple[Exclusion, ...]]:
    """Turn the job away when all who are left are on probation, but for one that nobody has tried for very long."""
    if not found or not all(each.standing.probing for each in found):
        return found, ()
    waits = [
        catalog.providers[each.offering.provider].breaker.reset_s_max - each.standing.probe_due_s for each in found
    ]
    message = "is on probation, and `routing.panic: never` makes no job a probe while nobody else is healthy"
    return [each for each, wait_s in zip(found, waits, strict=True) if wait_s <= 0.0], tuple(
        Exclusion.of(each.offering, ExclusionCause.EJECTED, message, wait_s)
        for each, wait_s in zip(found, waits, strict=True)
        if wait_s > 0.0
    )


def _back(found: Sequence[Eligible], catalog: Catalog, situation: Situation) -> frozenset[str]:
    """Find who is on probation and may be probed with this job.

    A probe may fail: there must be somebody to go on with, but for one that nobody has tried for very long. Whoever
    asks for it by name, or for one attempt only, would otherwise never have it again.
    """
    probing = [each for each in found if each.standing.probing]
    if not probing:
        return _NOBODY
    preferences = situation.preferences
    if not (situation.ventures and (preferences.allow_fallbacks or preferences.order)):
        providers = catalog.providers
        probing = [
            each
            for each in probing
            if each.standing.probe_due_s >= providers[each.offering.provider].breaker.reset_s_max
        ]
    return frozenset(each.offering.id for each in probing)


def _judged(found: Sequence[Eligible], by: Basis, situation: Situation) -> list[Candidate]:
    """Say what is known of each offering, and what it is compared by."""
    settings, order, records = situation.settings, situation.preferences.order, situation.records
    objective, now = Objective.of(situation.attempts_left, settings), records.now()
    by_priority = settings.policy is RoutingPolicy.PRIORITY and situation.preferences.sort is None
    left_s = inf if situation.left_s is None else situation.left_s
    judged: list[Candidate] = []
    for offering, video, quote_microusd, model_rank, standing, kind in found:
        seen = records.seen(offering.id, offering.provider, kind, now)
        estimate, evidence = _estimate(seen, standing, quote_microusd, objective), seen.evidence
        value = hopeful = 0.0
        if by is Basis.EXPECTED_COST:
            value, hopeful = estimate.score.total_microusd, estimate.hope_microusd
        elif by is Basis.TIME:
            value, hopeful = estimate.score.wait_s, estimate.hope_s
        elif by is Basis.PRICE:
            value = hopeful = float(quote_microusd)
        order_rank = _order_rank(offering, order) if order else 0
        late = evidence.p50_s > left_s and evidence.outcomes >= settings.exploration.outcomes_min
        tier = (model_rank, order_rank, offering.priority if by_priority else 0, int(late))
        ordered, probing = order_rank < len(order), standing.probing
        judged.append(
            Candidate(offering, video, quote_microusd, estimate, value, tier, probing, late, hopeful, ordered)
        )
    return judged


def _estimate(seen: Seen, standing: ProviderStanding, quote_microusd: int, objective: Objective) -> Estimate:
    """Judge an offering, unless the last job that saw just this asked for just this."""
    evidence, in_flight, in_flight_max = seen.evidence, standing.in_flight, standing.in_flight_max
    busy = in_flight / in_flight_max if in_flight < in_flight_max else 1.0
    # What was seen until its ejection says little of what one on probation would do now.
    success_high = SUCCESS_MAX if standing.probing else evidence.success_high
    asked = (quote_microusd, success_high, busy, objective)
    if seen.asked != asked:
        seen.estimate = objective.judged(quote_microusd, evidence, success_high, seen.load, busy)
        seen.asked = asked
    estimate: Estimate = seen.estimate
    return estimate


def _order_rank(offering: Offering, order: Sequence[str]) -> int:
    """Where the caller named it, or its provider; behind all that he named, where he did not."""
    return next((rank for rank, name in enumerate(order) if name in (offering.id, offering.provider)), len(order))
