"""Routers that know what no router can: every true rate and price, or even every outcome."""

from collections.abc import Sequence
from math import exp, log
from typing import Final, NamedTuple

from router.core.eligibility import Eligible
from router.core.policy import NextStep, consequences
from router.core.reporting import DurationClass, class_of
from router.core.routing import Decision
from router.core.routing_settings import RoutingSettings
from router.simulation.fate import Asked, World
from router.simulation.routers import Question, in_order
from router.simulation.world import P90_DEVIATIONS, Fault, SyntheticWorld, Truth, is_billed, usual_failure

_MINUTE_S: Final = 60.0


class Odds(NamedTuple):
    """What asking one offering comes to on average, and the probability that the job can go on after it."""

    eligible: Eligible
    loss_microusd: float
    goes_on: float

    @property
    def place(self) -> float:
        """The lower, the earlier it is asked, if at all: exchanging two neighbours gains nothing then."""
        return self.loss_microusd / max(1e-12, 1.0 - self.goes_on)


class Informed:
    """Knows what is true of everybody at every moment, but not how the dice fall.

    Of all orders it takes the one of the least expected cost by the router's own objective: what is paid, the price
    of waiting, and what a job costs that ends without a video.
    """

    name = "informed oracle"
    health = False

    def __init__(self, world: SyntheticWorld) -> None:
        self._world = world

    def decide(self, question: Question) -> Decision:
        """Take the cheapest order of so many offerings as the job may still ask."""
        return in_order(question, lambda found: self._best(question, found))

    def _best(self, question: Question, found: Sequence[Eligible]) -> Sequence[Eligible]:
        settings, at_s = question.situation.settings, question.at_s
        odds = list[Odds]()
        for each in found:
            truth = self._world.truth(each.offering, at_s)
            if truth.capacity is None or question.in_flight[each.offering.provider] < truth.capacity:
                odds.append(_odds(each, truth, question, settings))
        odds.sort(key=lambda each: each.place)
        # A video is worth at least what it costs: knowing too much is no reason to turn a job away.
        dearest = max((each.quote_microusd for each in found), default=0)
        return cheapest_order(odds, question.situation.attempts_left, dearest + settings.undelivered_microusd)


class Clairvoyant:
    """Knows what becomes of every attempt, and asks the cheapest that delivers; nobody, where nobody would."""

    name = "clairvoyant oracle"
    health = False

    def __init__(self, world: World) -> None:
        self._world = world

    def decide(self, question: Question) -> Decision:
        """Take those who deliver in time, the cheapest first."""

        def ordered(found: Sequence[Eligible]) -> Sequence[Eligible]:
            able = (each for each in found if self._delivers(question, each))
            return sorted(able, key=lambda each: each.quote_microusd)

        return in_order(question, ordered)

    def _delivers(self, question: Question, each: Eligible) -> bool:
        offering, catalog, left_s = each.offering, question.catalog, question.situation.left_s
        asked = Asked(
            question.job_id,
            offering,
            catalog.providers[offering.provider].charge_rule,
            each.video,
            each.quote_microusd,
            0,
            question.at_s,
            question.in_flight[offering.provider],
        )
        fate = self._world.fate(asked)
        patience_s = catalog.polling(offering.provider, offering.id).deadline_s
        return fate.delivers and fate.end_s <= min(patience_s, patience_s if left_s is None else left_s)


def cheapest_order(odds: Sequence[Odds], attempts: int, undelivered_microusd: int) -> list[Eligible]:
    """Choose which of the odds, ascending by their place, are worth asking; the last of none costs `undelivered`."""
    best = [(float(undelivered_microusd), list[Eligible]())] * (attempts + 1)
    for each in reversed(odds):
        taken = best[:1]
        for left in range(1, attempts + 1):
            rest_microusd, rest = best[left - 1]
            cost = each.loss_microusd + each.goes_on * rest_microusd
            taken.append((cost, [each.eligible, *rest]) if cost < best[left][0] else best[left])
        best = taken
    return best[attempts][1]


def _odds(each: Eligible, truth: Truth, question: Question, settings: RoutingSettings) -> Odds:
    provider = question.catalog.providers[each.offering.provider]
    kind = class_of(each.video.size, each.video.seconds)
    paid, ends, wait_s = truth.success, 0.0, truth.success * _mean_s(truth, kind)
    for fault in truth.faults:
        share = truth.share(fault)
        paid += share * is_billed(fault, provider.charge_rule, truth)
        wait_s += share * _mean_failure_s(truth, kind, fault)
        if consequences(usual_failure(fault)).next_step in (NextStep.ASK_OPERATOR, NextStep.STOP):
            ends += share
    waiting = wait_s / _MINUTE_S * settings.microusd_per_minute
    loss = each.quote_microusd * paid + waiting + ends * settings.undelivered_microusd
    return Odds(each, loss, max(0.0, 1.0 - truth.success - ends))


def _mean_s(truth: Truth, kind: DurationClass) -> float:
    spread = truth.spread(kind)
    deviation = log(spread.p90_s / spread.p50_s) / P90_DEVIATIONS
    return truth.slower * spread.p50_s * exp(deviation * deviation / 2.0)


def _mean_failure_s(truth: Truth, kind: DurationClass, fault: Fault) -> float:
    if fault.answers_submit:
        return truth.answer_s
    return _mean_s(truth, kind) * (0.5 if fault is Fault.INTERNAL else 1.0)
