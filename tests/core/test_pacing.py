"""Polls are prompt, polite and bounded, whatever an upstream says."""

from itertools import pairwise
from math import isfinite
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from router.core.catalog import Polling
from router.core.durations import Durations
from router.core.pacing import (
    JITTER,
    NO_SIGNS,
    NO_TROUBLE,
    RETRY_AFTER_S_MAX,
    SLOWED_S_MAX,
    PollRate,
    Signs,
    Trouble,
    expired,
    first_poll_after_s,
    late_poll_after_s,
    next_poll_after_s,
    resumed_poll_after_s,
    stalled,
)
from router.core.progress import Window
from router.core.reporting import DurationClass

POLLING = Polling(first_after_s=20.0, interval_s_min=2.0, interval_s_max=90.0, stall_s=600.0, deadline_s=1800.0)
AGES = st.floats(0.0, 1e6)
SHARES = st.floats(0.0, 1.0)
WISHES = st.none() | st.floats(allow_nan=True, allow_infinity=True)
LEARNED = st.lists(st.tuples(st.floats(0.0, 1e5), st.floats(0.0, 1.0), st.booleans()), max_size=30)


class Middle(Random):
    """Randomness without chance: the middle of every range."""

    def uniform(self, a: float, b: float) -> float:
        return (a + b) / 2


@st.composite
def windows(draw: st.DrawFn) -> Window:
    """Any window that progress may come to."""
    from_s = draw(AGES)
    return Window(from_s, from_s + draw(st.floats(0.0, 1e5)))


SIGNS = st.builds(Signs, st.none() | windows(), SHARES, SHARES, st.none() | AGES)
TROUBLE = st.builds(Trouble, st.integers(0, 10_000), WISHES, st.floats(1.0, 10.0))


def learned(jobs: list[tuple[float, float, bool]]) -> Durations:
    """What is known after such jobs: their age, the share of it between the last two polls, whether they ended."""
    durations = Durations()
    for age_s, share, ended in jobs:
        if ended:
            durations.saw_end(age_s, share * age_s, 0.0)
        else:
            durations.saw_running(age_s, 0.0)
    return durations


def usual(seconds: float = 100.0, jobs: int = 200) -> Durations:
    """What is known where jobs take about so long."""
    rng = Random(1)
    return learned([(seconds * rng.lognormvariate(0.0, 0.3), 0.02, True) for _ in range(jobs)])


def wait_s(
    age_s: float, durations: Durations | None = None, signs: Signs = NO_SIGNS, trouble: Trouble = NO_TROUBLE
) -> float:
    return next_poll_after_s(POLLING, (durations or usual()).pace(), age_s, Middle(), signs, trouble)


@given(LEARNED, AGES, SIGNS, TROUBLE, st.integers())
def test_every_wait_is_within_its_bounds(
    jobs: list[tuple[float, float, bool]], age_s: float, signs: Signs, trouble: Trouble, seed: int
) -> None:
    pace = learned(jobs).pace()
    wait_s = next_poll_after_s(POLLING, pace, age_s, Random(seed), signs, trouble)
    assert isfinite(wait_s)
    assert POLLING.interval_s_min <= wait_s <= max(POLLING.interval_s_max, SLOWED_S_MAX, RETRY_AFTER_S_MAX)
    quiet_s = next_poll_after_s(POLLING, pace, age_s, Random(seed), signs)
    assert POLLING.interval_s_min <= quiet_s <= POLLING.interval_s_max


@given(LEARNED, AGES, SIGNS, st.integers())
def test_the_first_poll_is_neither_too_early_nor_later_than_allowed(
    jobs: list[tuple[float, float, bool]], age_s: float, signs: Signs, seed: int
) -> None:
    wait_s = first_poll_after_s(POLLING, learned(jobs).pace(), age_s, signs, Random(seed))
    assert POLLING.first_after_s <= age_s + wait_s
    assert wait_s <= max(POLLING.interval_s_max, POLLING.first_after_s * (1 + JITTER))


@given(LEARNED, AGES, st.integers())
def test_one_taken_up_after_a_restart_is_asked_within_one_interval(
    jobs: list[tuple[float, float, bool]], age_s: float, seed: int
) -> None:
    assert 0.0 <= resumed_poll_after_s(POLLING, learned(jobs).pace(), age_s, Random(seed)) <= POLLING.interval_s_max


@given(AGES, SIGNS, st.integers(0, 50), st.floats(0.0, RETRY_AFTER_S_MAX), st.integers())
def test_retry_after_is_a_floor_that_no_jitter_undercuts(
    age_s: float, signs: Signs, errors: int, wish: float, seed: int
) -> None:
    trouble = Trouble(errors, wish)
    assert next_poll_after_s(POLLING, usual().pace(), age_s, Random(seed), signs, trouble) >= wish


@given(AGES, st.integers(0, 50))
def test_another_failed_poll_never_shortens_the_wait(age_s: float, errors: int) -> None:
    assert wait_s(age_s, trouble=Trouble(errors)) <= wait_s(age_s, trouble=Trouble(errors + 1))


@example(0.0, 0.984375, 1.0)
@given(AGES, SHARES, SHARES)
def test_the_more_ends_are_announced_the_fewer_polls_look_for_them(age_s: float, one: float, other: float) -> None:
    fewer, more = sorted((one, other))
    # The longest wait is shortened by chance, so that not all come together; one that is nearly as long is not.
    assert wait_s(age_s, signs=Signs(hinted=fewer)) * (1.0 - JITTER) <= wait_s(age_s, signs=Signs(hinted=more))


@given(LEARNED, AGES, AGES)
def test_more_is_due_the_older_a_job_is(jobs: list[tuple[float, float, bool]], one: float, other: float) -> None:
    pace = learned(jobs).pace()
    younger, older = sorted((one, other))
    assert 0.0 <= pace.due(younger) <= pace.due(older)
    assert pace.age_s(pace.due(younger)) <= pace.age_s(pace.due(older))


@given(LEARNED, st.floats(1.0, 1e5))
def test_an_age_is_found_again_by_what_is_due_at_it(jobs: list[tuple[float, float, bool]], age_s: float) -> None:
    pace = learned(jobs).pace()
    assert pace.due(pace.age_s(pace.due(age_s))) == pytest.approx(pace.due(age_s), rel=1e-6, abs=1e-9)


def test_polls_are_few_before_anything_can_be_ready_and_dense_when_most_are() -> None:
    durations = usual(600.0)
    first_s = first_poll_after_s(POLLING, durations.pace(), 0.0, NO_SIGNS, Middle())
    assert first_s > 80.0
    assert wait_s(100.0, durations) > 60.0
    assert wait_s(600.0, durations) < 12.0


def test_a_job_that_runs_longer_than_all_before_it_is_asked_less_and_less_and_never_absurdly() -> None:
    waits = [wait_s(age_s) for age_s in (300.0, 600.0, 1200.0, 2400.0, 100_000.0)]
    assert all(2.0 < each <= 90.0 for each in waits)
    assert waits[1:] == sorted(waits[1:])


def test_failed_polls_double_the_wait_up_to_a_limit() -> None:
    base_s = wait_s(100.0)
    waits = [wait_s(100.0, trouble=Trouble(errors)) for errors in range(8)]
    assert waits[:4] == pytest.approx([base_s, 2 * base_s, 4 * base_s, 8 * base_s])
    assert waits[-1] == min(16 * base_s, SLOWED_S_MAX)


def test_an_ailing_provider_is_polled_slower() -> None:
    assert wait_s(100.0, trouble=Trouble(slowdown=4.0)) == pytest.approx(4 * wait_s(100.0))


def test_a_job_whose_progress_tells_its_end_is_asked_again_then() -> None:
    signs = Signs(Window(140.0, 143.0), believed=0.98)
    assert wait_s(80.0, signs=signs) > 4 * wait_s(80.0)
    assert 140.0 <= 120.0 + wait_s(120.0, signs=signs) <= 143.0
    assert wait_s(60.0, signs=signs._replace(believed=0.0)) == wait_s(60.0)


def test_one_that_was_called_done_and_is_not_is_asked_again_soon_and_then_as_ever() -> None:
    waits = [wait_s(60.0 + since_s, signs=Signs(hinted=0.95, called_s=60.0)) for since_s in (0.0, 5.0, 10.0)]
    assert waits[0] < 2.0 * (1 + JITTER)
    assert waits[1:] == [5.0, 10.0]
    assert wait_s(120.0, signs=Signs(called_s=60.0)) == wait_s(120.0)


def test_jobs_that_were_submitted_together_are_not_polled_together() -> None:
    rng, pace = Random(1), usual().pace()
    assert len({round(first_poll_after_s(POLLING, pace, 0.0, NO_SIGNS, rng), 3) for _ in range(100)}) > 90


@given(st.integers())
def test_late_polls_keep_their_time_but_for_jitter(seed: int) -> None:
    assert 60.0 * (1 - JITTER) <= late_poll_after_s(POLLING, Random(seed)) <= 60.0 * (1 + JITTER)


def test_an_attempt_stalls_and_expires_at_its_limits_and_not_before() -> None:
    assert not stalled(POLLING, 599.9)
    assert stalled(POLLING, 600.0)
    assert not expired(POLLING, 1799.9)
    assert expired(POLLING, 1800.0)


@given(st.floats(0.1, 1000.0), st.lists(st.floats(0.0, 1.0), min_size=2, max_size=200))
def test_no_provider_is_asked_more_often_than_allowed(per_s_max: float, pauses: list[float]) -> None:
    rate, now, turns = PollRate(per_s_max), 100.0, []
    for pause_s in pauses:
        now += pause_s
        turns.append(now + rate.turn_s(now))
    assert all(later - turn >= 0.999 / per_s_max for turn, later in pairwise(turns))


def test_ten_thousand_that_are_overdue_at_once_are_spread_over_the_time_they_need() -> None:
    rate = PollRate(50.0)
    turns = [rate.turn_s(7.0) for _ in range(10_000)]
    assert turns[0] == 0.0
    assert turns[-1] == pytest.approx(9_999 / 50.0)
    rate.use(100.0)
    assert rate.turn_s(300.0) == 0.0


def test_what_is_unknown_is_believed_by_the_class() -> None:
    short, hd = (Durations(kind).pace() for kind in (DurationClass.SHORT, DurationClass.HD))
    assert short.due(120.0) > 2 * hd.due(120.0)
