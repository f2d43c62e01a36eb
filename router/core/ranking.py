"""In which order candidates are tried, and how likely each of them is to be the first."""

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from itertools import pairwise
from math import erfc, hypot, sqrt
from random import Random
from typing import Final, NamedTuple

from providers.canonical import VideoRequest
from router.core.catalog import Offering
from router.core.evidence import Evidence
from router.core.objective import Estimate, Score
from router.core.preferences import RoutingPreferences, Sort
from router.core.routing_settings import RoutingPolicy, RoutingSettings

TIE: Final = 0.005
"""How much dearer than the best an offering may be to share its jobs by weight."""
BARGAIN: Final = 0.5
"""How much dearer than somebody unproven the best of the others must be to lose jobs to him at once."""
_TRIALS_SHARE_MAX: Final = 0.5
_WEIGHT_MIN: Final = 1e-9
_SQRT_2: Final = sqrt(2.0)


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


class Candidate(NamedTuple):
    """An offering able and allowed to take the job, the video as it would be submitted, and its chance to be first.

    `late` tells that its videos usually take longer than the job has left. `value` is what candidates are compared by,
    the lower, the better, and `hopeful` is that value if the offering does as well as it may; `tier` comes before any
    value, and holds the place in the caller's own order where it is `ordered`.
    """

    offering: Offering
    video: VideoRequest
    quote_microusd: int
    estimate: Estimate
    value: float
    tier: tuple[int, ...]
    probing: bool
    late: bool
    hopeful: float = 0.0
    ordered: bool = False
    share: float = 0.0

    @property
    def evidence(self) -> Evidence:
        """What is believed of it."""
        return self.estimate.evidence

    @property
    def score(self) -> Score:
        """What a delivered video is expected to cost and to take there."""
        return self.estimate.score

    def sharing(self, share: float) -> "Candidate":
        """Return it with another chance to be first."""
        return Candidate(*self[:-1], share)


class Chance(NamedTuple):
    """The probability that the candidate `number` is the first, and what it would be first as."""

    number: int
    share: float
    reason: DecisionReason


class Ranked(NamedTuple):
    """The order, with the share of each, and why the first one is the first."""

    order: tuple[Candidate, ...]
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
    judged: Sequence[Candidate],
    by: Basis,
    settings: RoutingSettings,
    turns: Mapping[str, float],
    trials_microusd: int | None,
    back: Collection[str],
    rng: Random,
) -> Ranked:
    """Order the candidates; shares add up to 1. `turns` says whose turn it is where shares are fixed.

    `trials_microusd` is what trials may still be expected to cost; None for a job that nothing is tried out with.
    `back` are the offerings on probation that this job may be the probe of.
    """
    if not judged:
        return Ranked((), DecisionReason.BEST)
    if len(judged) == 1 and not judged[0].probing:
        return Ranked((judged[0].sharing(1.0),), _reason(by, judged[0]))
    chances = _chances(judged, by, settings, trials_microusd, back)
    first = _drawn(judged, chances, by, turns, rng)
    shares = {chance.number: chance.share for chance in chances}
    others = _in_order(judged, first.number, rng)
    order = [judged[index] for index in (first.number, *others)]
    for place, index in enumerate((first.number, *others)):
        if index in shares:
            order[place] = judged[index].sharing(shares[index])
    premium = _premium_microusd(judged, first, chances) if first.reason is DecisionReason.TRIAL else 0
    return Ranked(tuple(order), first.reason, premium)


def _in_order(judged: Sequence[Candidate], first: int, rng: Random) -> list[int]:
    """Put all but the first in order, one on probation behind the others of its tier, and equals by lot and weight."""
    others = [index for index in range(len(judged)) if index != first]
    if len(others) == 1:
        return others
    places = [(each.tier, each.probing, each.value) for each in judged]
    others.sort(key=places.__getitem__)
    if any(places[one] == places[next_one] for one, next_one in pairwise(others)):
        draws = [rng.expovariate(1.0) / _weight(each) for each in judged]
        others.sort(key=lambda index: (places[index], draws[index]))
    return others


def _chances(
    judged: Sequence[Candidate],
    by: Basis,
    settings: RoutingSettings,
    trials_microusd: int | None,
    back: Collection[str],
) -> list[Chance]:
    """Share out the first place: equals have it, but for what is a trial's, and all of it is a probe's."""
    steady = [index for index, each in enumerate(judged) if not each.probing]
    if not steady:
        # Whoever is the best of those on probation is the probe.
        best = min(range(len(judged)), key=lambda index: (judged[index].tier, judged[index].value))
        return [Chance(best, 1.0, DecisionReason.PANIC)]
    top, values = min([judged[index].tier for index in steady]), [each.value for each in judged]
    leaders = [index for index in steady if judged[index].tier == top]
    if by is Basis.WEIGHT:
        equals, trials = leaders, list[Chance]()
        incumbent = leaders[0]
    else:
        least = settings.exploration.outcomes_min if by is not Basis.PRICE else 0
        known = _known(judged, leaders, least) or leaders
        if trials_microusd is not None:
            known += _bargains(judged, leaders, known, least)
        incumbent = min(known, key=values.__getitem__)
        limit = values[incumbent] * (1.0 + TIE)
        equals = [index for index in known if values[index] <= limit]
        trials = _trials(judged, leaders, judged[incumbent], settings, trials_microusd)
        trials = [chance for chance in trials if chance.number not in equals] if trials else trials
    if back and (probes := _probes(judged, top, judged[incumbent], by, back)):
        return [Chance(index, 1.0 / len(probes), DecisionReason.PROBE) for index in probes]
    total, weights = sum([chance.share for chance in trials]), [_weight(judged[index]) for index in equals]
    rest, reason = (1.0 - total) / sum(weights), _reason(by, judged[incumbent])
    return [*trials, *(Chance(index, rest * weight, reason) for index, weight in zip(equals, weights, strict=True))]


def _known(judged: Sequence[Candidate], leaders: Sequence[int], outcomes_min: int) -> list[int]:
    return [
        index
        for index in leaders
        if (evidence := judged[index].estimate.evidence).outcomes >= outcomes_min or evidence.returned
    ]


def _bargains(
    judged: Sequence[Candidate], leaders: Sequence[int], known: Sequence[int], outcomes_min: int
) -> list[int]:
    """Find who is far better even by the bound of somebody unproven, as long as he has not what would prove him."""
    limit = min([judged[index].value for index in known]) / (1.0 + BARGAIN)
    return [
        index
        for index in leaders
        if judged[index].value < limit and index not in known and judged[index].estimate.load.in_flight < outcomes_min
    ]


def _probes(
    judged: Sequence[Candidate], top: tuple[int, ...], incumbent: Candidate, by: Basis, back: Collection[str]
) -> list[int]:
    """Find whose ejection is over and who would be asked first if it were well again: nothing else would tell."""

    def wanted(each: Candidate) -> bool:
        better = by is Basis.WEIGHT or each.hopeful < incumbent.value
        return each.offering.id in back and (each.tier < top or (each.tier == top and better))

    return [index for index, each in enumerate(judged) if wanted(each)]


def _trials(
    judged: Sequence[Candidate],
    leaders: Sequence[int],
    incumbent: Candidate,
    settings: RoutingSettings,
    left_microusd: int | None,
) -> list[Chance]:
    """Give as great a share to whoever may be better than the incumbent as that is likely, up to the operator's."""
    if left_microusd is None:
        return []
    exploration, shares, limit = settings.exploration, dict[int, float](), incumbent.value * (1.0 - TIE)
    for index in leaders:
        each = judged[index]
        if each.hopeful < limit and _dearer_microusd(each, incumbent) <= left_microusd:
            shares[index] = min(exploration.share, _likely_better(each, incumbent))
    if not shares:
        return []
    fit = min(1.0, _TRIALS_SHARE_MAX / max(1e-9, sum(shares.values())))
    return [Chance(index, share * fit, DecisionReason.TRIAL) for index, share in shares.items() if share]


def _drawn(
    judged: Sequence[Candidate], chances: Sequence[Chance], by: Basis, turns: Mapping[str, float], rng: Random
) -> Chance:
    if by is Basis.WEIGHT and chances[0].reason is DecisionReason.WEIGHTED:
        # Whose turn it is: nobody is ever further than one job from his share.
        return max(chances, key=lambda each: turns.get(judged[each.number].offering.id, 0.0) + each.share)
    drawn = rng.random()
    for chance in chances:
        drawn -= chance.share
        if drawn < 0.0:
            return chance
    return chances[-1]


def _premium_microusd(judged: Sequence[Candidate], trial: Chance, chances: Sequence[Chance]) -> int:
    """How much more a trial is expected to cost than one of the equals."""
    incumbent = next(judged[each.number] for each in reversed(chances) if each.reason is not DecisionReason.TRIAL)
    return _dearer_microusd(judged[trial.number], incumbent)


def _dearer_microusd(each: Candidate, incumbent: Candidate) -> int:
    """How much more one attempt costs, after whose failure the job goes on to the incumbent."""
    dearer = each.score.total_microusd - incumbent.score.total_microusd
    return max(0, round(each.evidence.success_low * dearer))


def _likely_better(each: Candidate, incumbent: Candidate) -> float:
    """How likely one is better, if what either comes to is normal, with its bounds a standard deviation away."""
    worse = (each.value + each.hopeful - incumbent.value - incumbent.hopeful) / 2.0
    deviation = hypot(each.value - each.hopeful, incumbent.value - incumbent.hopeful) / 2.0
    return 0.5 * erfc(worse / max(1e-9, deviation * _SQRT_2))


def _reason(by: Basis, incumbent: Candidate) -> DecisionReason:
    if by is Basis.WEIGHT:
        return DecisionReason.WEIGHTED
    return DecisionReason.ORDERED if incumbent.ordered else DecisionReason.BEST


def _weight(each: Candidate) -> float:
    """One of no weight, among equals, is the last resort."""
    return max(_WEIGHT_MIN, each.offering.weight)
