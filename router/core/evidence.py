"""What is learned of an offering from how its attempts ended: success, cost of failure and time, minutes late."""

from collections.abc import Iterable, Iterator, Mapping
from math import exp, floor, log, sqrt
from typing import Any, Final, NamedTuple

from providers.canonical import Failure, Size
from router.core.clock import Clock
from router.core.job import Attempt, AttemptState
from router.core.policy import BreakerEffect, consequences
from router.core.reporting import DurationClass, class_of

OUTCOMES_MAX: Final = 200.0
"""How many outcomes an offering's record weighs at most: what came before them fades with each new one."""
PRIOR_OUTCOMES: Final = 4.0
"""How many outcomes what is believed beforehand weighs."""
PRIOR_SUCCESS: Final = 0.95
"""What success is believed of somebody whom nobody has asked yet."""
_PRIOR_BILLED: Final = 2.0
PRIOR_S: Final[Mapping[DurationClass, float]] = {
    DurationClass.SHORT: 120.0,
    DurationClass.LONG: 200.0,
    DurationClass.HD: 420.0,
}
"""How long a video is believed to take there."""
# One standard deviation each way; a bound of 0 or 1 would be a promise.
_SUCCESS_MIN: Final = 0.01
SUCCESS_MAX: Final = 0.999
_FRESH_S: Final = 1.0
_KEPT_AFTER_EJECTION: Final = 0.1
# Each bin is a tenth longer than the one before.
_BIN: Final = log(1.1)
_SHORTEST_S: Final = 0.001


class Outcome(NamedTuple):
    """How one attempt ended, as far as that says something of its offering. `billed`: it failed and is paid for."""

    offering_id: str
    provider: str
    duration_class: DurationClass
    after_s: float
    delivered: bool
    billed: bool


class Evidence(NamedTuple):
    """What is believed of one offering and duration class now.

    `outcomes` is how many it rests on, faded ones counting less. `success_low` and `success_high` are a standard
    deviation below and above `success`, the probability that an attempt delivers. `billed_share` is the probability
    that a failed one is paid for all the same; `delivery_s` and `failure_s` are mean times. One that has `returned`
    from an ejection needs no trial: its slow start limits what it gets.
    """

    outcomes: float
    success: float
    success_low: float
    success_high: float
    billed_share: float
    delivery_s: float
    failure_s: float
    p50_s: float
    p90_s: float
    returned: bool = False


class Load(NamedTuple):
    """What runs there at this moment, and how old that is on average: slow jobs show before they end."""

    in_flight: int
    age_s: float


NO_LOAD: Final = Load(0, 0.0)


class Seen:
    """What is known of an offering now, and room for the last estimate that came of it and what that was for."""

    __slots__ = ("asked", "estimate", "evidence", "load")

    def __init__(self, evidence: Evidence, load: Load) -> None:
        self.evidence = evidence
        self.load = load
        self.asked: object = None
        self.estimate: Any = None


_Key = tuple[str, DurationClass]


def outcome_of(attempt: Attempt, size: Size) -> Outcome | None:
    """Return what an attempt that left its job says of its offering; None of one that says nothing.

    Refusals, requests that nobody could serve, rate limits and what we gave up ourselves say nothing, nor does a job
    that had too little time.
    """
    if attempt.ended_at is None:
        return None
    # One that its job left keeps why, also when it succeeded late.
    delivered = attempt.state is AttemptState.SUCCEEDED and attempt.stage is None
    if not delivered and (attempt.blameless or not _counts(attempt)):
        return None
    return Outcome(
        attempt.offering_id,
        attempt.provider,
        class_of(size, attempt.seconds),
        max(0.0, attempt.ended_at - attempt.submitted_at),
        delivered,
        billed=not delivered and (attempt.uncertain or bool(attempt.billed)),
    )


def _counts(attempt: Attempt) -> bool:
    if attempt.stage is None or attempt.reason is None:
        return False
    failure = Failure(attempt.stage, attempt.reason)
    return consequences(failure).breaker in (BreakerEffect.COUNTS, BreakerEffect.OPENS)


class TrackRecords:
    """The records of all offerings. Kept in memory only: a start takes in what the store knows of the last hours."""

    def __init__(self, clock: Clock, half_life_s: float) -> None:
        self._clock = clock
        self._half_life_s = half_life_s
        self._records: dict[_Key, _Record] = {}
        self._providers: dict[str, _Record] = {}
        self._billed_by_contract: dict[str, bool] = {}

    def use(self, half_life_s: float, failed_billed: Mapping[str, bool], offerings: Iterable[str]) -> None:
        """Go on with another half-life and other contracts, by provider; forget offerings that are sold no more."""
        known = frozenset(offerings)
        self._half_life_s = half_life_s
        self._billed_by_contract = dict(failed_billed)
        self._records = {key: record for key, record in self._records.items() if key[0] in known or record.running}
        for record in self._records.values():
            record.stale()

    def forget(self, provider: str, offerings: frozenset[str]) -> None:
        """Forget how a provider and its offerings did; what is in flight there stays counted."""
        self._providers.pop(provider, None)
        for record in self._of(offerings):
            record.clear()

    def recovered(self, provider: str, offerings: frozenset[str]) -> None:
        """Let what was seen before and during an ejection weigh little, but as how they usually do: times change."""
        for record in (self._provider(provider), *self._of(offerings)):
            record.fade(_KEPT_AFTER_EJECTION, self._clock.monotonic(), self._half_life_s)

    def add(self, outcome: Outcome, at: float | None = None) -> None:
        """Take in an outcome; `at` is monotonic seconds, now when left out."""
        at = self._clock.monotonic() if at is None else at
        self._provider(outcome.provider).add(outcome, at, self._half_life_s)
        record = self._record(outcome.offering_id, outcome.duration_class)
        weight = record.add(outcome, at, self._half_life_s)
        if outcome.delivered:
            record.delivered_after(outcome.after_s, weight)

    def entered(self, offering_id: str, duration_class: DurationClass, at: float) -> None:
        """Count an attempt in flight since `at`, in monotonic seconds."""
        self._record(offering_id, duration_class).enter(at)

    def left(self, offering_id: str, duration_class: DurationClass, at: float) -> None:
        """Count one less that was in flight since `at`."""
        self._record(offering_id, duration_class).leave(at)

    def evidence(self, offering_id: str, provider: str, duration_class: DurationClass) -> Evidence:
        """Return what is believed of an offering now; kept for a second, because little changes in it."""
        return self.seen(offering_id, provider, duration_class, self._clock.monotonic()).evidence

    def peek(self, offering_id: str, provider: str, duration_class: DurationClass) -> Evidence:
        """Return the same and change nothing: any thread may ask."""
        now = self._clock.monotonic()
        record = self._records.get((offering_id, duration_class)) or _Record()
        return record.evidence(self._expected(record, provider, duration_class, now), now, self._half_life_s)

    def now(self) -> float:
        """Monotonic seconds."""
        return self._clock.monotonic()

    def seen(self, offering_id: str, provider: str, duration_class: DurationClass, now: float) -> Seen:
        """Return what is known of an offering `now`, in monotonic seconds; for a second little changes in it."""
        record = self._record(offering_id, duration_class)
        evidence = record.believed
        if evidence is None or now - record.believed_at >= _FRESH_S:
            expected = self._expected(record, provider, duration_class, now)
            evidence = record.believed = record.evidence(expected, now, self._half_life_s)
            record.believed_at, record.known = now, None
        known = record.known
        if known is None:
            known = record.known = Seen(evidence, record.load(now))
        return known

    def load(self, offering_id: str, duration_class: DurationClass) -> Load:
        """Return what is in flight there now."""
        record = self._records.get((offering_id, duration_class))
        return NO_LOAD if record is None else record.load(self._clock.monotonic())

    def _of(self, offerings: frozenset[str]) -> Iterator["_Record"]:
        return (record for (offering_id, _), record in self._records.items() if offering_id in offerings)

    def _expected(self, record: "_Record", provider: str, duration_class: DurationClass, now: float) -> "_Expected":
        """What is believed beforehand: as it did before it was ejected, or as its provider does elsewhere."""
        billed = 1.0 if self._billed_by_contract.get(provider, False) else 0.0
        of_provider = self._providers.get(provider)
        success = PRIOR_SUCCESS
        if record.usual is not None:
            success = record.usual
        elif of_provider is not None:
            success = of_provider.success(PRIOR_SUCCESS, now, self._half_life_s, but=record)
        return _Expected(success, billed, PRIOR_S[duration_class])

    def _record(self, offering_id: str, duration_class: DurationClass) -> "_Record":
        key = (offering_id, duration_class)
        return self._records.get(key) or self._records.setdefault(key, _Record())

    def _provider(self, provider: str) -> "_Record":
        return self._providers.get(provider) or self._providers.setdefault(provider, _Record())


class _Expected(NamedTuple):
    """What is believed of an offering of which nothing is known."""

    success: float
    billed_share: float
    delivery_s: float


class _Quantiles(NamedTuple):
    """Quantiles of some bins."""

    of: Mapping[int, float]
    p50_s: float
    p90_s: float


_NO_QUANTILES: Final = _Quantiles({}, 0.0, 0.0)


class _Record:
    """Faded sums of one offering and duration class, and its times in bins that grow by a tenth each."""

    __slots__ = (
        "_at",
        "_billed",
        "_bins",
        "_delivered",
        "_delivery_s",
        "_failed",
        "_failure_s",
        "_quantiles",
        "_started_sum",
        "believed",
        "believed_at",
        "known",
        "returned",
        "running",
        "usual",
    )

    def __init__(self) -> None:
        self.running = 0
        self._started_sum = 0.0
        self.believed_at = 0.0
        self.clear()

    def clear(self) -> None:
        """Know nothing any more."""
        self._at = 0.0
        self._delivered = self._failed = self._billed = 0.0
        self._delivery_s = self._failure_s = 0.0
        self._bins: dict[int, float] = {}
        self._quantiles = _NO_QUANTILES
        self.returned = False
        self.usual: float | None = None
        self.believed: Evidence | None = None
        self.known: Seen | None = None

    def load(self, now: float) -> Load:
        """What is in flight, and its mean age."""
        return Load(self.running, max(0.0, now - self._started_sum / self.running)) if self.running else NO_LOAD

    def stale(self) -> None:
        """Think anew next time."""
        self.believed = None

    def enter(self, at: float) -> None:
        self.running += 1
        self._started_sum += at
        self.known = None

    def leave(self, at: float) -> None:
        self.running = max(0, self.running - 1)
        self._started_sum = self._started_sum - at if self.running else 0.0
        self.known = None

    def add(self, outcome: Outcome, at: float, half_life_s: float) -> float:
        """Take in an outcome; return how much of what was held before it is left."""
        weight = self._faded(at, half_life_s)
        weight *= min(1.0, (OUTCOMES_MAX - 1.0) / max(1e-9, (self._delivered + self._failed) * weight))
        self._at = max(self._at, at)
        self._delivered = self._delivered * weight + outcome.delivered
        self._failed = self._failed * weight + (not outcome.delivered)
        self._billed = self._billed * weight + outcome.billed
        self._delivery_s = self._delivery_s * weight + (outcome.after_s if outcome.delivered else 0.0)
        self._failure_s = self._failure_s * weight + (0.0 if outcome.delivered else outcome.after_s)
        self.believed = None
        return weight

    def delivered_after(self, after_s: float, weight: float) -> None:
        """Count a delivery in its bin, beside what is left of the others."""
        bins = {number: held * weight for number, held in self._bins.items() if held * weight > 0.001}
        number = floor(log(max(_SHORTEST_S, after_s)) / _BIN)
        bins[number] = bins.get(number, 0.0) + 1.0
        self._bins = bins

    def fade(self, kept: float, now: float, half_life_s: float) -> None:
        """Keep only a share of what was seen, and what it came to as what is usual."""
        self.usual = self.success(PRIOR_SUCCESS if self.usual is None else self.usual, now, half_life_s)
        self._delivered *= kept
        self._failed *= kept
        self._billed *= kept
        self._delivery_s *= kept
        self._failure_s *= kept
        self.returned = True
        self.believed = None

    def held(self, now: float, half_life_s: float) -> tuple[float, float]:
        """How many deliveries and failures it holds, faded."""
        weight = self._faded(now, half_life_s)
        return self._delivered * weight, self._failed * weight

    def success(self, expected: float, now: float, half_life_s: float, but: "_Record | None" = None) -> float:
        """The mean probability of success, `expected` counting as PRIOR_OUTCOMES outcomes.

        What another record that is part of this one holds is left out: nothing is to count twice.
        """
        delivered, failed = self.held(now, half_life_s)
        if but is not None:
            theirs = but.held(now, half_life_s)
            delivered, failed = max(0.0, delivered - theirs[0]), max(0.0, failed - theirs[1])
        return (PRIOR_OUTCOMES * expected + delivered) / (PRIOR_OUTCOMES + delivered + failed)

    def evidence(self, expected: _Expected, now: float, half_life_s: float) -> Evidence:
        weight = self._faded(now, half_life_s)
        delivered, failed = self._delivered * weight, self._failed * weight
        success = (PRIOR_OUTCOMES * expected.success + delivered) / (PRIOR_OUTCOMES + delivered + failed)
        deviation = sqrt(success * (1.0 - success) / (PRIOR_OUTCOMES + delivered + failed + 1.0))
        delivery_s = (expected.delivery_s + self._delivery_s * weight) / (1.0 + delivered)
        p50_s, p90_s = self._quantiles_s(expected.delivery_s)
        return Evidence(
            outcomes=delivered + failed,
            success=success,
            success_low=max(_SUCCESS_MIN, success - deviation),
            success_high=min(SUCCESS_MAX, success + deviation),
            billed_share=(_PRIOR_BILLED * expected.billed_share + self._billed * weight) / (_PRIOR_BILLED + failed),
            delivery_s=delivery_s,
            failure_s=(delivery_s + self._failure_s * weight) / (1.0 + failed),
            p50_s=p50_s,
            p90_s=p90_s,
            returned=self.returned,
        )

    def _quantiles_s(self, unknown_s: float) -> tuple[float, float]:
        """The median and the ninth decile; they stay while nothing is added, for all bins fade alike."""
        bins = self._bins
        if not bins:
            return unknown_s, unknown_s
        if self._quantiles.of is not bins:
            # With what it is of, because another thread may look while an outcome is added.
            self._quantiles = _Quantiles(bins, _quantile(bins, 0.5), _quantile(bins, 0.9))
        return self._quantiles.p50_s, self._quantiles.p90_s

    def _faded(self, now: float, half_life_s: float) -> float:
        return float(0.5 ** (max(0.0, now - self._at) / half_life_s))


def _quantile(bins: Mapping[int, float], share: float) -> float:
    """The middle of the bin that holds the quantile."""
    wanted, seen = share * sum(bins.values()), 0.0
    for number in sorted(bins):
        seen += bins[number]
        if seen >= wanted:
            break
    return exp((number + 0.5) * _BIN)
