"""How long jobs take is learned of where their ends lie, not of when they were seen, and of those that go on, too."""

from collections.abc import Iterable
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.canonical import Reason, Stage
from router.core.durations import Durations, LearnedDurations
from router.core.job import Attempt, AttemptState
from router.core.pace import Pace
from router.core.reporting import DurationClass
from tests.builders import an_attempt

JOBS = st.lists(st.tuples(st.floats(0.0, 1e7), st.floats(0.0, 1.0), st.booleans(), st.floats(0.0, 1e6)), max_size=60)
ALPHA = "alpha/sora-2"


def taught(seconds: Iterable[float], durations: Durations | None = None) -> Durations:
    durations = durations or Durations()
    for each in seconds:
        durations.saw_end(each, 0.0, 0.0)
    return durations


def pause_s(durations: Durations, age_s: float) -> float:
    """Seconds until as much is due as at 100 s of a job that takes about so long."""
    pace = durations.pace()
    return pace.age_s(pace.due(age_s) + 0.6) - age_s


def learned() -> LearnedDurations:
    return LearnedDurations(3600.0, lambda provider: 0.5 if provider == "alpha" else 0.0)


def ended(after_s: float, state: AttemptState = AttemptState.SUCCEEDED, **changes: Any) -> Attempt:
    times: dict[str, Any] = {"submitted_at": 1000.0, "accepted_at": 1001.0, "ended_at": 1000.0 + after_s}
    return an_attempt(offering_id=ALPHA, state=state, **{**times, **changes})


@given(JOBS)
def test_whatever_is_learned_due_polls_are_finite_and_grow_with_age(
    jobs: list[tuple[float, float, bool, float]],
) -> None:
    durations = Durations()
    for age_s, share, is_end, at in jobs:
        if is_end:
            durations.saw_end(age_s, share * age_s, at)
        else:
            durations.saw_running(age_s, at)
    pace = durations.pace()
    dues = [pace.due(age_s) for age_s in (0.0, 0.01, 1.0, 60.0, 600.0, 6e3, 6e4, 6e6)]
    assert dues[0] == 0.0
    assert dues == sorted(dues)
    assert dues[-1] < 1e6
    assert 0.0 <= durations.jobs <= 201.0


def test_an_end_counts_between_the_polls_that_it_lies_between() -> None:
    seen_late, seen_at_once = Durations(), Durations()
    for _ in range(100):
        seen_late.saw_end(120.0, 40.0, 0.0)
        seen_at_once.saw_end(100.0, 0.0, 0.0)
    assert seen_late.median_s() == pytest.approx(seen_at_once.median_s(), rel=0.08)


def test_jobs_that_ran_on_take_as_long_as_the_others_at_least() -> None:
    with_them = taught([100.0] * 50)
    for _ in range(50):
        with_them.saw_running(300.0, 0.0)
    assert pause_s(with_them, 310.0) > pause_s(taught([100.0] * 50), 310.0)


def test_an_early_failure_among_many_jobs_brings_a_poll_and_no_more() -> None:
    durations = taught([10.0] * 8 + [600.0 * Random(number).lognormvariate(0.0, 0.06) for number in range(92)])
    due = durations.pace().due
    assert 0.6 < due(60.0) < 4.0
    assert due(400.0) - due(60.0) < 2.0


def test_times_that_change_are_learned_anew() -> None:
    durations = taught([100.0] * 1000)
    assert durations.jobs == pytest.approx(200.0, abs=1.0)
    assert taught([300.0] * 400, durations).median_s() == pytest.approx(300.0, rel=0.05)


def test_times_fade_while_nothing_is_made() -> None:
    durations = Durations(half_life_s=3600.0)
    for _ in range(50):
        durations.saw_end(100.0, 0.0, 0.0)
    durations.saw_end(100.0, 0.0, 36_000.0)
    assert 1.0 < durations.jobs < 1.1


@pytest.mark.parametrize("at", [1e5, 1e12])
def test_what_is_older_than_anything_counts_no_more(at: float) -> None:
    durations = Durations(half_life_s=1.0)
    durations.saw_end(100.0, 0.0, 5.0)
    durations.saw_end(300.0, 0.0, at)
    assert durations.jobs == pytest.approx(1.0)
    assert durations.median_s() == pytest.approx(300.0, rel=0.05)
    assert durations.pace().due(300.0) > 0.0


def test_an_offering_of_which_nothing_is_known_goes_by_its_providers_others() -> None:
    book = learned()
    known = book.of(ALPHA, "alpha", DurationClass.SHORT)
    assert pause_s(known, 28.0) > 0.0
    taught([30.0] * 50, book.of("alpha/other", "alpha", DurationClass.SHORT))
    strange = book.of("beta/sora-2", "beta", DurationClass.SHORT)
    assert pause_s(known, 28.0) < pause_s(strange, 28.0)


def test_a_class_of_which_nothing_is_known_goes_by_the_providers_other_classes() -> None:
    book = learned()
    taught([12.0] * 50, book.of(ALPHA, "alpha", DurationClass.SHORT))
    hasty, usual = (book.of(f"{name}/sora-2", name, DurationClass.HD).pace() for name in ("alpha", "beta"))
    assert hasty.due(60.0) > 2 * usual.due(60.0)


def test_its_own_jobs_outweigh_everything_else_soon() -> None:
    book = learned()
    taught([30.0] * 200, book.of("alpha/other", "alpha", DurationClass.SHORT))
    own = taught([300.0] * 30, book.of(ALPHA, "alpha", DurationClass.SHORT))
    assert pause_s(own, 20.0) > 3 * pause_s(own, 295.0)


def test_a_start_takes_in_what_the_store_knows() -> None:
    book = learned()
    stories = [
        ended(100.0),
        ended(100.0, AttemptState.FAILED, stage=Stage.OUTPUT_REVIEW, reason=Reason.REFUSED),
        ended(600.0, AttemptState.LATE, stage=Stage.GENERATE, reason=Reason.STALLED),
        ended(5.0, AttemptState.FAILED, stage=Stage.DOWNLOAD, reason=Reason.UNREADABLE),
        ended(5.0, AttemptState.FAILED, stage=Stage.SUBMIT, reason=Reason.INVALID, accepted_at=None),
    ]
    for attempt in stories:
        book.restore(attempt, DurationClass.SHORT, -500.0)
    durations = book.of(ALPHA, "alpha", DurationClass.SHORT)
    assert durations.jobs == pytest.approx(3.0, abs=0.05)
    assert durations.median_s() == pytest.approx(97.0, rel=0.1)


def test_what_is_sold_no_more_is_forgotten_and_what_is_goes_on() -> None:
    book = learned()
    kept = book.of(ALPHA, "alpha", DurationClass.SHORT)
    gone = book.of("alpha/gone", "alpha", DurationClass.SHORT)
    book.use(60.0, frozenset({ALPHA}))
    assert book.of(ALPHA, "alpha", DurationClass.SHORT) is kept
    assert book.of("alpha/gone", "alpha", DurationClass.SHORT) is not gone
    assert (kept.hinted(), book.of("beta/sora-2", "beta", DurationClass.SHORT).hinted()) == (0.5, 0.0)


def test_a_pace_is_worked_out_seldom() -> None:
    durations, paces = Durations(), set[Pace]()
    for number in range(1000):
        durations.saw_end(100.0 + number % 7, 2.0, 0.0)
        paces.add(durations.pace())
    assert len(paces) < 150
