"""What is learned from outcomes: rates with their bounds, times as quantiles, and all of it fades."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.canonical import Failure, Reason, Size, Stage
from router.core.evidence import OUTCOMES_MAX, PRIOR_OUTCOMES, Evidence, Outcome, TrackRecords, outcome_of
from router.core.job import CUT_SHORT, INTERRUPTED, WITHDRAWN, AttemptState
from router.core.reporting import DurationClass
from tests.builders import PORTRAIT, ManualTime, an_attempt

HOUR_S = 3600.0
SHORT = DurationClass.SHORT


class Records:
    def __init__(self, **billed_by_contract: bool) -> None:
        self.time = ManualTime()
        self.records = TrackRecords(self.time.clock, HOUR_S)
        self.records.use(HOUR_S, billed_by_contract, ("alpha/clip", "alpha/film", "beta/clip"))

    def saw(self, times: int = 1, *, name: str = "alpha/clip", after_s: float = 100.0, **how: bool) -> None:
        delivered, billed = how.get("delivered", False), how.get("billed", False)
        for _ in range(times):
            self.records.add(Outcome(name, name.partition("/")[0], SHORT, after_s, delivered, billed))

    def now(self, name: str = "alpha/clip") -> Evidence:
        return self.records.evidence(name, name.partition("/")[0], SHORT)


def test_nothing_known_is_believed_to_be_well_and_not_to_be_sure() -> None:
    evidence = Records().now()
    assert (evidence.outcomes, evidence.success) == (0.0, 0.95)
    assert evidence.success_low < 0.87
    assert evidence.success_high > 0.99
    assert evidence.billed_share == 0.0


def test_the_bounds_close_in_on_what_is_true() -> None:
    records = Records()
    widths = []
    for _ in range(4):
        for number in range(50):
            records.saw(delivered=bool(number % 5))
        evidence = records.now()
        widths.append(evidence.success_high - evidence.success_low)
    assert widths == sorted(widths, reverse=True)
    assert evidence.success_low < 0.8 < evidence.success_high
    assert widths[-1] < 0.08


@given(st.lists(st.booleans(), max_size=400))
def test_bounds_hold_the_mean_and_stay_probabilities(outcomes: list[bool]) -> None:
    records = Records()
    for delivered in outcomes:
        records.saw(delivered=delivered, billed=not delivered)
    evidence = records.now()
    assert 0.0 < evidence.success_low <= evidence.success <= evidence.success_high < 1.0
    assert 0.0 <= evidence.billed_share <= 1.0
    assert evidence.outcomes <= min(OUTCOMES_MAX, len(outcomes)) + 1e-6


@given(st.lists(st.booleans(), max_size=50))
def test_one_more_success_never_lowers_the_bound_and_one_more_failure_never_raises_it(outcomes: list[bool]) -> None:
    def bound(*more: bool) -> float:
        records = Records()
        for delivered in (*outcomes, *more):
            records.saw(name="beta/clip", delivered=delivered)
        return records.now("beta/clip").success

    assert bound(False) <= bound() + 1e-9
    assert bound(True) >= bound() - 1e-9


def test_what_was_seen_loses_half_its_weight_in_a_half_life() -> None:
    records = Records()
    records.saw(40, delivered=False)
    assert records.now().outcomes == pytest.approx(40.0)
    records.time.advance(HOUR_S)
    assert records.now().outcomes == pytest.approx(20.0)
    records.time.advance(40 * HOUR_S)
    assert records.now().success == pytest.approx(0.95, abs=0.001)


def test_much_traffic_forgets_old_outcomes_without_waiting_for_time() -> None:
    records = Records()
    records.saw(1000, delivered=True)
    records.saw(200, delivered=False)
    assert records.now().success < 0.45


def test_a_new_offering_is_expected_to_do_as_its_provider_does_elsewhere() -> None:
    records = Records()
    records.saw(40, name="alpha/film", delivered=False)
    assert records.now("alpha/clip").success < 0.2
    assert records.now("beta/clip").success == 0.95


def test_what_an_offering_did_itself_is_no_second_time_what_its_provider_does() -> None:
    alone, beside = Records(), Records()
    for records in (alone, beside):
        records.saw(2, delivered=False)
    beside.saw(20, name="alpha/film", delivered=True)
    assert alone.now().success == pytest.approx(4 * 0.95 / 6)
    assert alone.now().success < beside.now().success


def test_what_failures_cost_is_the_contracts_word_until_it_is_seen() -> None:
    records = Records(alpha=True)
    assert records.now().billed_share == 1.0
    records.saw(18, delivered=False, billed=False)
    assert records.now().billed_share == pytest.approx(0.1)


def test_times_are_told_as_quantiles_within_a_tenth() -> None:
    records = Records()
    for number in range(1, 101):
        records.saw(delivered=True, after_s=float(number))
    evidence = records.now()
    assert evidence.p50_s == pytest.approx(50.0, rel=0.1)
    assert evidence.p90_s == pytest.approx(90.0, rel=0.1)


def test_what_is_in_flight_counts_with_its_age() -> None:
    records = Records()
    for _ in range(2):
        records.records.entered("alpha/clip", SHORT, records.time.clock.monotonic())
        records.time.advance(60.0)
    load = records.records.load("alpha/clip", SHORT)
    assert (load.in_flight, load.age_s) == (2, 90.0)
    records.records.left("alpha/clip", SHORT, 0.0)
    assert records.records.load("alpha/clip", SHORT) == (1, 60.0)
    assert records.records.load("beta/clip", SHORT) == (0, 0.0)


def test_who_enters_is_seen_at_once_and_what_is_believed_stays_for_its_second() -> None:
    records = Records()
    records.saw(3, delivered=False)

    def seen() -> tuple[Evidence, int]:
        known = records.records.seen("alpha/clip", "alpha", SHORT, records.time.clock.monotonic())
        return known.evidence, known.load.in_flight

    believed, _ = seen()
    records.time.advance(0.9)
    records.records.entered("alpha/clip", SHORT, records.time.clock.monotonic())
    assert seen() == (believed, 1)
    records.saw(delivered=False)
    assert seen()[0].outcomes > believed.outcomes


def test_an_ejection_that_is_over_makes_the_past_weigh_a_tenth() -> None:
    records = Records()
    records.saw(100, delivered=False)
    records.records.recovered("alpha", frozenset({"alpha/clip"}))
    assert records.now().outcomes == pytest.approx(10.0)
    assert records.now("beta/clip").outcomes == 0.0


def test_one_that_returns_is_expected_to_do_as_it_usually_did() -> None:
    sound, flaky = Records(), Records()
    sound.saw(190, delivered=True)
    flaky.saw(60, delivered=True)
    flaky.saw(130, delivered=False)
    for records in (sound, flaky):
        records.saw(10, delivered=False)
        records.records.recovered("alpha", frozenset({"alpha/clip"}))
    assert sound.now().success > 0.9
    assert flaky.now().success < 0.4


def test_an_offering_that_is_sold_no_more_is_forgotten() -> None:
    records = Records()
    records.saw(9, delivered=False)
    records.records.use(HOUR_S, {}, ())
    records.records.use(HOUR_S, {}, ("alpha/clip",))
    assert records.now().outcomes == 0.0


FAILURES = {
    (Stage.GENERATE, Reason.INTERNAL): True,
    (Stage.GENERATE, Reason.STALLED): True,
    (Stage.SUBMIT, Reason.OVERLOADED): True,
    (Stage.SUBMIT, Reason.AUTH): True,
    (Stage.DOWNLOAD, Reason.UNREADABLE): True,
    (Stage.PROMPT_REVIEW, Reason.REFUSED): False,
    (Stage.OUTPUT_REVIEW, Reason.REFUSED): False,
    (Stage.SUBMIT, Reason.INVALID): False,
    (Stage.SUBMIT, Reason.RATE_LIMITED): False,
    (Stage.DOWNLOAD, Reason.UNREACHABLE): False,
    (Stage.GENERATE, Reason.CANCELLED): False,
}


@pytest.mark.parametrize(("failure", "counts"), [(Failure(*pair), counts) for pair, counts in FAILURES.items()])
def test_only_what_is_the_providers_doing_is_learned(failure: Failure, *, counts: bool) -> None:
    attempt = an_attempt(state=AttemptState.FAILED, ended_at=2e9, stage=failure.stage, reason=failure.reason)
    outcome = outcome_of(attempt, PORTRAIT)
    assert (outcome is not None) is counts
    assert outcome is None or not outcome.delivered


@pytest.mark.parametrize("state", [AttemptState.LATE, AttemptState.UNKNOWN])
def test_money_that_is_open_counts_as_spent(state: AttemptState) -> None:
    lost = an_attempt(state=state, ended_at=2e9, stage=Stage.SUBMIT, reason=Reason.AMBIGUOUS)
    outcome = outcome_of(lost, PORTRAIT)
    assert outcome is not None
    assert outcome.billed


def test_an_attempt_that_was_overtaken_or_runs_still_says_nothing() -> None:
    assert outcome_of(an_attempt(state=AttemptState.LATE, ended_at=2e9), PORTRAIT) is None
    assert outcome_of(an_attempt(state=AttemptState.RUNNING), PORTRAIT) is None


def test_the_class_is_that_of_the_video_made() -> None:
    made = an_attempt(state=AttemptState.SUCCEEDED, ended_at=2e9, seconds=15)
    long, hd = outcome_of(made, PORTRAIT), outcome_of(made, Size(1080, 1920))
    assert long is not None
    assert hd is not None
    assert (long.duration_class, hd.duration_class) == (DurationClass.LONG, DurationClass.HD)


def test_what_is_believed_beforehand_weighs_as_a_few_outcomes() -> None:
    records = Records()
    records.saw(int(PRIOR_OUTCOMES), delivered=False)
    assert records.now().success == pytest.approx(0.95 / 2)


@pytest.mark.parametrize(
    ("stage", "reason", "code"),
    [
        (Stage.SUBMIT, Reason.UNREACHABLE, WITHDRAWN),
        (Stage.SUBMIT, Reason.AMBIGUOUS, INTERRUPTED),
        (Stage.GENERATE, Reason.EXPIRED, CUT_SHORT),
    ],
)
def test_what_this_side_did_itself_says_nothing_of_a_provider(stage: Stage, reason: Reason, code: str) -> None:
    ours = an_attempt(state=AttemptState.FAILED, ended_at=2e9, stage=stage, reason=reason, code=code)
    assert outcome_of(ours, PORTRAIT) is None
    assert outcome_of(replace(ours, code=None), PORTRAIT) is not None
