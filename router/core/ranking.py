"""In which order candidates are tried, and how likely each of them is to be the first."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from random import Random
from typing import Final, NamedTuple

from router.core.eligibility import Eligible
from router.core.evidence import Evidence, Load
from router.core.objective import Score
from router.core.preferences import RoutingPreferences, Sort
from router.core.routing_settings import RoutingPolicy, RoutingSettings

TIE: Final = 0.005
"""How much dearer than the best an offering may be to share its jobs by weight."""
BARGAIN: Final = 0.5
"""How much dearer than somebody unproven the best of the others must be to lose jobs to him at once."""
_TRIALS_SHARE_MAX: Final = 0.5
_WEIGHT_MIN: Final = 1e-9


class DecisionReason(StrEnum):
    """Why the first of the candidates is the first; `fallback` is one of the others, when the first could not start."""

    BEST = "best"
    WEIGHTED = "weighted"
    ORDERED = "ordered"
    TRIAL = "trial"
    PROBE = "probe"
    PANIC = "panic"
    FALLBACK = "fallback"


class Basis(StrEnum):
    """What candidates are compared by."""

    EXPECTED_COST = "expected_cost"
    PRICE = "price"
    TIME = "time"
    WEIGHT = "weight"


class Judged(NamedTuple):
    """An eligible offering with what is known of it; `value` is what it is compared by, the lower, the better.

    `hopeful` is that value if the offering does as well as it may; `tier` comes before any value, and holds the place
    in the caller's own order where it is `ordered`.
    """

    eligible: Eligible
    evidence: Evidence
    load: Load
    busy: float
    score: Score
    tier: tuple[int, ...]
    ordered: bool
    value: float
    hopeful: float


class Chance(NamedTuple):
    """The probability that the candidate `number` is the first, and what it would be first as."""

    number: int
    share: float
    reason: DecisionReason


class Ranked(NamedTuple):
    """The order, the share of each in it, and why the first one is the first."""

    order: tuple[tuple[Judged, float], ...]
    reason: DecisionReason
    premium_microusd: int = 0


def basis(preferences: RoutingPreferences, settings: RoutingSettings) -> Basis:
    """Return what candidates are compared by: as the caller says, else as the operator does."""
    match preferences.sort:
        case Sort.PRICE:
            return Basis.PRICE
        case Sort.LATENCY:
            return Basis.TIME
        case Sort.EXPECTED_COST:
            return Basis.EXPECTED_COST
        case None:
            pass
    match settings.policy:
        case RoutingPolicy.WEIGHTED:
            return Basis.WEIGHT
        case RoutingPolicy.FASTEST:
            return Basis.TIME
        case RoutingPolicy.EXPECTED_COST | RoutingPolicy.PRIORITY:
            return Basis.EXPECTED_COST


def ranked(
    judged: Sequence[Judged],
    by: Basis,
    settings: RoutingSettings,
    turns: Mapping[str, float],
    trials_microusd: int | None,
    rng: Random,
) -> Ranked:
    """Order the candidates; shares add up to 1. `turns` says whose turn it is where shares are fixed.

    `trials_microusd` is what trials may still be expected to cost; None for a job that nothing is tried out with.
    """
    if not judged:
        return Ranked((), DecisionReason.BEST)
    chances = _chances(judged, by, settings, trials_microusd)
    first = _drawn(judged, chances, by, turns, rng)
    shares = {chance.number: chance.share for chance in chances}
    others = [index for index in range(len(judged)) if index != first.number]
    draws = {index: rng.expovariate(1.0) / _weight(judged[index]) for index in others}
    others.sort(key=lambda index: (*_place(judged[index]), judged[index].value, draws[index]))
    order = tuple((judged[index], shares.get(index, 0.0)) for index in (first.number, *others))
    premium = _premium_microusd(judged, first, chances) if first.reason is DecisionReason.TRIAL else 0
    return Ranked(order, first.reason, premium)


def _chances(
    judged: Sequence[Judged], by: Basis, settings: RoutingSettings, trials_microusd: int | None
) -> list[Chance]:
    """Share out the first place: equals have it, but for what is a trial's, and all of it is a probe's."""
    steady = [index for index, each in enumerate(judged) if not each.eligible.standing.probing]
    if not steady:
        # Whoever is the best of those on probation is the probe.
        best = min(range(len(judged)), key=lambda index: (judged[index].tier, judged[index].value))
        return [Chance(best, 1.0, DecisionReason.PANIC)]
    top = min(judged[index].tier for index in steady)
    leaders = [index for index in steady if judged[index].tier == top]
    if by is Basis.WEIGHT:
        equals, trials = leaders, list[Chance]()
        incumbent = leaders[0]
    else:
        least = settings.exploration.outcomes_min if by is not Basis.PRICE else 0
        known = [index for index in leaders if _is_known(judged[index].evidence, least)] or leaders
        if trials_microusd is not None:
            known += _bargains(judged, leaders, known, least)
        incumbent = min(known, key=lambda index: judged[index].value)
        limit = judged[incumbent].value * (1.0 + TIE)
        equals = [index for index in known if judged[index].value <= limit]
        trials = [
            chance
            for chance in _trials(judged, leaders, judged[incumbent], settings, trials_microusd)
            if chance.number not in equals
        ]
    if trials_microusd is not None and (probes := _probes(judged, top, judged[incumbent], by)):
        return [Chance(index, 1.0 / len(probes), DecisionReason.PROBE) for index in probes]
    total, weights = sum(chance.share for chance in trials), [_weight(judged[index]) for index in equals]
    rest, reason = (1.0 - total) / sum(weights), _reason(by, judged[incumbent])
    return [*trials, *(Chance(index, rest * weight, reason) for index, weight in zip(equals, weights, strict=True))]


def _is_known(evidence: Evidence, outcomes_min: int) -> bool:
    return evidence.returned or evidence.outcomes >= outcomes_min


def _bargains(judged: Sequence[Judged], leaders: Sequence[int], known: Sequence[int], outcomes_min: int) -> list[int]:
    """Find who is far better even by the bound of somebody unproven, as long as he has not what would prove him."""
    limit = min(judged[index].value for index in known) / (1.0 + BARGAIN)
    return [
        index
        for index in leaders
        if index not in known and judged[index].value < limit and judged[index].load.in_flight < outcomes_min
    ]


def _probes(judged: Sequence[Judged], top: tuple[int, ...], incumbent: Judged, by: Basis) -> list[int]:
    """Find whose ejection is over and who would be asked first if it were well again: nothing else would tell."""

    def wanted(each: Judged) -> bool:
        better = by is Basis.WEIGHT or each.hopeful < incumbent.value
        return each.eligible.standing.probing and (each.tier < top or (each.tier == top and better))

    return [index for index, each in enumerate(judged) if wanted(each)]


def _trials(
    judged: Sequence[Judged],
    leaders: Sequence[int],
    incumbent: Judged,
    settings: RoutingSettings,
    left_microusd: int | None,
) -> list[Chance]:
    """Give a share to whoever may well be better than the incumbent, the less the more is known of it."""
    if left_microusd is None:
        return []
    exploration, shares = settings.exploration, dict[int, float]()
    for index in leaders:
        each = judged[index]
        if each.hopeful < incumbent.value * (1.0 - TIE) and _dearer_microusd(each, incumbent) <= left_microusd:
            shares[index] = exploration.share * min(1.0, exploration.outcomes_min / max(1e-9, each.evidence.outcomes))
    fit = min(1.0, _TRIALS_SHARE_MAX / max(1e-9, sum(shares.values())))
    return [Chance(index, share * fit, DecisionReason.TRIAL) for index, share in shares.items() if share]


def _drawn(
    judged: Sequence[Judged], chances: Sequence[Chance], by: Basis, turns: Mapping[str, float], rng: Random
) -> Chance:
    if by is Basis.WEIGHT and chances[0].reason is DecisionReason.WEIGHTED:
        # Whose turn it is: nobody is ever further than one job from his share.
        return max(chances, key=lambda each: turns.get(judged[each.number].eligible.offering.id, 0.0) + each.share)
    drawn = rng.random()
    for chance in chances:
        drawn -= chance.share
        if drawn < 0.0:
            return chance
    return chances[-1]


def _premium_microusd(judged: Sequence[Judged], trial: Chance, chances: Sequence[Chance]) -> int:
    """How much more a trial is expected to cost than one of the equals."""
    incumbent = next(judged[each.number] for each in reversed(chances) if each.reason is not DecisionReason.TRIAL)
    return _dearer_microusd(judged[trial.number], incumbent)


def _dearer_microusd(each: Judged, incumbent: Judged) -> int:
    return max(0, round(each.score.total_microusd - incumbent.score.total_microusd))


def _reason(by: Basis, incumbent: Judged) -> DecisionReason:
    if by is Basis.WEIGHT:
        return DecisionReason.WEIGHTED
    return DecisionReason.ORDERED if incumbent.ordered else DecisionReason.BEST


def _weight(each: Judged) -> float:
    """One of no weight, among equals, is the last resort."""
    return max(_WEIGHT_MIN, each.eligible.offering.weight)


def _place(each: Judged) -> tuple[tuple[int, ...], bool]:
    """One on probation comes behind the others of its tier."""
    return each.tier, each.eligible.standing.probing
