"""A made-up world: how often each offering fails, how, at whose cost, how long it takes, and how that changes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from math import exp, inf, log
from random import Random
from typing import Final, NamedTuple

from providers.canonical import Failure, Reason, Stage
from router.core.catalog import ChargeRule, Offering
from router.core.reporting import DurationClass, class_of
from router.simulation.fate import Asked, Fate

P90_DEVIATIONS: Final = 1.2815515655446004
"""How many standard deviations above the median of a normal distribution nine in ten lie below."""
_REVIEW_S: Final = 5.0
_AT_THE_END: Final = 0.95
_STALLED_FOR_S: Final = 3600.0


class Fault(StrEnum):
    """How an attempt fails. The first group answers the submit, the others end what was accepted.

    `late`: at the very end of its time. `stalled`: shows 95 % for an hour, then failed. `stuck`: the same for ever,
    although the video is made and billed. `no_video`: is called done and has none. `withheld`: its output is refused.
    """

    UNREACHABLE = "unreachable"
    RATE_LIMITED = "rate_limited"
    OVERLOADED = "overloaded"
    AMBIGUOUS = "ambiguous"
    AUTH = "auth"
    BALANCE = "balance"
    INTERNAL = "internal"
    LATE = "late"
    STALLED = "stalled"
    STUCK = "stuck"
    NO_VIDEO = "no_video"
    WITHHELD = "withheld"

    @property
    def answers_submit(self) -> bool:
        """Whether it is the submit's answer, so that nothing was accepted."""
        return self in _ANSWERS


_ANSWERS: Final[Mapping[Fault, Reason]] = {
    Fault.UNREACHABLE: Reason.UNREACHABLE,
    Fault.RATE_LIMITED: Reason.RATE_LIMITED,
    Fault.OVERLOADED: Reason.OVERLOADED,
    Fault.AMBIGUOUS: Reason.AMBIGUOUS,
    Fault.AUTH: Reason.AUTH,
    Fault.BALANCE: Reason.BALANCE,
}
_ENDINGS: Final[Mapping[Fault, Failure]] = {
    Fault.INTERNAL: Failure(Stage.GENERATE, Reason.INTERNAL),
    Fault.LATE: Failure(Stage.GENERATE, Reason.INTERNAL),
    Fault.STALLED: Failure(Stage.GENERATE, Reason.INTERNAL),
    Fault.STUCK: Failure(Stage.GENERATE, Reason.STALLED),
    Fault.NO_VIDEO: Failure(Stage.DOWNLOAD, Reason.UNREADABLE),
    Fault.WITHHELD: Failure(Stage.OUTPUT_REVIEW, Reason.REFUSED),
}


class Spread(NamedTuple):
    """A lognormal time by two of its quantiles."""

    p50_s: float
    p90_s: float

    def at(self, deviations: float) -> float:
        """The time so many standard deviations from the median."""
        return exp(log(self.p50_s) + deviations * log(self.p90_s / self.p50_s) / P90_DEVIATIONS)


_DURATIONS: Final[Mapping[DurationClass, Spread]] = {
    DurationClass.SHORT: Spread(90.0, 150.0),
    DurationClass.LONG: Spread(180.0, 300.0),
    DurationClass.HD: Spread(420.0, 660.0),
}


@dataclass(frozen=True, slots=True)
class Truth:
    """What is true of an offering at one moment.

    `success` is the share of attempts that deliver, `faults` weighs how the others fail. `failed_billed` is the share
    of failures after the acceptance that are billed, each of which its provider tells; None: as its contract says.
    `bought` is the share of ambiguous submits that were taken on, and are billed. Beyond `capacity` at work, its
    provider answers 429, asking for `retry_after_s`; `slower` stretches all durations.
    """

    success: float = 1.0
    faults: Mapping[Fault, float] = field(default_factory=lambda: {Fault.INTERNAL: 1.0})
    failed_billed: float | None = None
    bought: float = 0.5
    answer_s: float = 0.5
    retry_after_s: float | None = 30.0
    capacity: int | None = None
    slower: float = 1.0
    durations: Mapping[DurationClass, Spread] = field(default_factory=lambda: _DURATIONS)

    def share(self, fault: Fault) -> float:
        """The probability that an attempt fails so."""
        return (1.0 - self.success) * self.faults.get(fault, 0.0) / sum(self.faults.values())

    def spread(self, kind: DurationClass) -> Spread:
        """How long a video of a class takes, but for `slower`."""
        return self.durations.get(kind, _DURATIONS[kind])


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """What becomes true of a provider or an offering, or of all where `of` is None; None is what stays as it was.

    It holds from `from_s` for `lasts_s`, and again `every_s` seconds until `until_s` where that is set.
    """

    of: str | None = None
    from_s: float = 0.0
    lasts_s: float = inf
    every_s: float | None = None
    until_s: float = inf
    success: float | None = None
    faults: Mapping[Fault, float] | None = None
    failed_billed: float | None = None
    bought: float | None = None
    answer_s: float | None = None
    retry_after_s: float | None = None
    capacity: int | None = None
    slower: float | None = None
    durations: Mapping[DurationClass, Spread] | None = None

    def holds(self, offering: Offering, at_s: float) -> bool:
        """Whether it is so for an offering at a moment."""
        if self.of not in (None, offering.provider, offering.id) or not self.from_s <= at_s < self.until_s:
            return False
        since_s = at_s - self.from_s
        return (since_s if self.every_s is None else since_s % self.every_s) < self.lasts_s

    def applied(self, truth: Truth) -> Truth:
        """Return what is true with it."""
        changes = {each.name: value for each in fields(Truth) if (value := getattr(self, each.name)) is not None}
        return replace(truth, **changes)


class _Dice(NamedTuple):
    """What decides one attempt, drawn before anything is known of the offering's truth at that moment."""

    success: float
    fault: float
    pace: float
    moment: float
    billed: float


@dataclass(frozen=True, slots=True)
class SyntheticWorld:
    """Fates drawn by job, offering and number alone, so that whoever asks meets the same ones.

    `refused` is the share of jobs whose prompt every provider's review refuses.
    """

    changes: Sequence[Change] = ()
    seed: int = 0
    refused: float = 0.0
    _known: dict[tuple[Change, ...], Truth] = field(default_factory=dict, init=False, repr=False, compare=False)

    def truth(self, offering: Offering, at_s: float) -> Truth:
        """Return what is true of an offering at a moment."""
        holding = tuple(change for change in self.changes if change.holds(offering, at_s))
        truth = self._known.get(holding)
        if truth is None:
            truth = Truth()
            for change in holding:
                truth = change.applied(truth)
            self._known[holding] = truth
        return truth

    def fate(self, asked: Asked) -> Fate:
        """Return what a submit comes to."""
        truth, dice = self.truth(asked.offering, asked.at_s), self._dice(asked)
        if truth.capacity is not None and asked.in_flight >= truth.capacity:
            return _answered(Fault.RATE_LIMITED, asked, truth, dice)
        if self.refused and Random(f"{self.seed} {asked.job_id}").random() < self.refused:
            return _refused(asked, truth)
        if dice.success < truth.success:
            end_s = truth.answer_s + _duration_s(asked, truth, dice)
            return Fate(truth.answer_s, end_s=end_s, paid_microusd=asked.quote_microusd)
        fault = _drawn(truth.faults, dice.fault)
        return (_answered if fault.answers_submit else _ended)(fault, asked, truth, dice)

    def _dice(self, asked: Asked) -> _Dice:
        rng = Random(f"{self.seed} {asked.job_id} {asked.offering.id} {asked.nth}")
        return _Dice(rng.random(), rng.random(), rng.gauss(), rng.random(), rng.random())


def is_billed(fault: Fault, rule: ChargeRule, truth: Truth) -> float:
    """Return the probability that an attempt that fails so is billed."""
    if fault.answers_submit:
        return truth.bought if fault is Fault.AMBIGUOUS else 0.0
    if fault in (Fault.STUCK, Fault.NO_VIDEO):
        return 1.0
    return float(rule.bills(_ENDINGS[fault])) if truth.failed_billed is None else truth.failed_billed


def usual_failure(fault: Fault) -> Failure:
    """Return what a router is told of it."""
    return Failure(Stage.SUBMIT, _ANSWERS[fault]) if fault.answers_submit else _ENDINGS[fault]


def _drawn(faults: Mapping[Fault, float], chance: float) -> Fault:
    rest = chance * sum(faults.values())
    for fault, weight in faults.items():
        rest -= weight
        if rest < 0.0:
            return fault
    return [*faults][-1]


def _duration_s(asked: Asked, truth: Truth, dice: _Dice) -> float:
    kind = class_of(asked.video.size, asked.video.seconds)
    return truth.slower * truth.spread(kind).at(dice.pace)


def _answered(fault: Fault, asked: Asked, truth: Truth, dice: _Dice) -> Fate:
    asks_s = truth.retry_after_s if fault in (Fault.RATE_LIMITED, Fault.OVERLOADED) else None
    refusal = Failure(Stage.SUBMIT, _ANSWERS[fault], retry_after_s=asks_s)
    if fault is Fault.AMBIGUOUS and dice.billed < truth.bought:
        end_s = truth.answer_s + _duration_s(asked, truth, dice)
        return Fate(truth.answer_s, refusal, end_s, paid_microusd=asked.quote_microusd)
    return Fate(truth.answer_s, refusal)


def _refused(asked: Asked, truth: Truth) -> Fate:
    failure = Failure(Stage.PROMPT_REVIEW, Reason.REFUSED)
    paid = asked.quote_microusd if asked.charge_rule.bills(failure) else 0
    return Fate(truth.answer_s, end_s=truth.answer_s + _REVIEW_S, failure=failure, paid_microusd=paid)


def _ended(fault: Fault, asked: Asked, truth: Truth, dice: _Dice) -> Fate:
    whole_s, failure = _duration_s(asked, truth, dice), _ENDINGS[fault]
    paid = asked.quote_microusd if dice.billed < is_billed(fault, asked.charge_rule, truth) else 0
    if truth.failed_billed is not None:
        failure = replace(failure, cost_microusd=paid)
    silent_s = truth.answer_s + _AT_THE_END * whole_s
    match fault:
        case Fault.INTERNAL:
            return Fate(truth.answer_s, None, truth.answer_s + dice.moment * whole_s, failure, paid_microusd=paid)
        case Fault.LATE:
            return Fate(truth.answer_s, None, silent_s, failure, paid_microusd=paid)
        case Fault.STALLED:
            return Fate(truth.answer_s, None, silent_s + _STALLED_FOR_S, failure, silent_s, paid)
        case Fault.STUCK:
            return Fate(truth.answer_s, None, inf, failure, silent_s, paid)
        case _:
            return Fate(truth.answer_s, None, truth.answer_s + whole_s, failure, paid_microusd=paid)
