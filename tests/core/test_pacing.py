"""Polls are prompt, polite and bounded, whatever an upstream says."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from router.core.catalog import Polling
from router.core.pacing import (
    JITTER,
    RETRY_AFTER_S_MAX,
    SLOWEST,
    expired,
    first_poll_after_s,
    late_poll_after_s,
    next_poll_after_s,
    stalled,
)

POLLING = Polling(first_after_s=20.0, interval_s_min=2.0, interval_s_max=15.0, stall_s=600.0, deadline_s=1800.0)
AGES = st.floats(0.0, 1e6)
PROGRESS = st.none() | st.integers(-10, 1000)
WISHES = st.none() | st.floats(allow_nan=True, allow_infinity=True)


class Middle(Random):
    """Randomness without chance: the middle of every range."""

    def uniform(self, a: float, b: float) -> float:
        return (a + b) / 2


def pace(
    age_s: float,
    progress: int | None = None,
    errors: int = 0,
    retry_after_s: float | None = None,
    slowdown: float = 1.0,
) -> float:
    return next_poll_after_s(
        POLLING,
        age_s=age_s,
        progress=progress,
        consecutive_errors=errors,
        retry_after_s=retry_after_s,
        rng=Middle(),
        slowdown=slowdown,
    )


@given(AGES, PROGRESS, st.integers(0, 10_000), WISHES, st.floats(1.0, 10.0), st.integers())
def test_every_wait_is_within_its_bounds(
    age_s: float, progress: int | None, errors: int, wish: float | None, slowdown: float, seed: int
) -> None:
    wait_s = next_poll_after_s(
        POLLING,
        age_s=age_s,
        progress=progress,
        consecutive_errors=errors,
        retry_after_s=wish,
        rng=Random(seed),
        slowdown=slowdown,
    )
    longest_s = max(POLLING.interval_s_max * SLOWEST * (1 + JITTER), RETRY_AFTER_S_MAX)
    assert POLLING.interval_s_min * (1 - JITTER) <= wait_s <= longest_s


@given(AGES, AGES, PROGRESS)
def test_older_attempts_are_never_asked_more_often(one: float, other: float, progress: int | None) -> None:
    assert pace(min(one, other), progress) <= pace(max(one, other), progress)


@given(AGES, st.integers(1, 100), st.integers(1, 100))
def test_attempts_nearer_to_their_end_are_never_asked_less_often(age_s: float, one: int, other: int) -> None:
    assert pace(age_s, max(one, other)) <= pace(age_s, min(one, other)) <= pace(age_s)


@given(AGES, PROGRESS, st.integers(0, 50))
def test_another_failed_poll_never_shortens_the_wait(age_s: float, progress: int | None, errors: int) -> None:
    assert pace(age_s, progress, errors) <= pace(age_s, progress, errors + 1)


@given(AGES, PROGRESS, st.integers(0, 50), st.floats(0.0, RETRY_AFTER_S_MAX), st.integers())
def test_retry_after_is_a_floor_that_no_jitter_undercuts(
    age_s: float, progress: int | None, errors: int, wish: float, seed: int
) -> None:
    rng = Random(seed)
    wait_s = next_poll_after_s(
        POLLING, age_s=age_s, progress=progress, consecutive_errors=errors, retry_after_s=wish, rng=rng
    )
    assert wait_s >= wish


def test_the_interval_is_a_tenth_of_the_age_between_its_limits() -> None:
    assert [pace(age_s) for age_s in (0.0, 10.0, 50.0, 100.0, 150.0, 1000.0)] == [2.0, 2.0, 5.0, 10.0, 15.0, 15.0]


def test_a_job_stuck_just_before_its_end_is_not_hammered() -> None:
    age_s, polls = 0.0, 0
    while age_s < POLLING.stall_s:
        age_s += pace(age_s, progress=99)
        polls += 1
    assert POLLING.stall_s / polls > 5.0


def test_failed_polls_double_the_interval_up_to_a_limit() -> None:
    assert [pace(50.0, errors=errors) for errors in range(6)] == [5.0, 10.0, 20.0, 40.0, 60.0, 60.0]


def test_an_ailing_provider_is_polled_slower() -> None:
    assert pace(50.0, slowdown=4.0) == 20.0
    assert pace(5000.0, slowdown=4.0) == 60.0


@given(st.integers())
def test_the_first_and_the_late_polls_keep_their_time_but_for_jitter(seed: int) -> None:
    rng = Random(seed)
    assert 20.0 * (1 - JITTER) <= first_poll_after_s(POLLING, rng) <= 20.0 * (1 + JITTER)
    assert 60.0 * (1 - JITTER) <= late_poll_after_s(POLLING, rng) <= 60.0 * (1 + JITTER)


def test_jobs_that_were_submitted_together_are_not_polled_together() -> None:
    rng = Random(1)
    assert len({round(first_poll_after_s(POLLING, rng), 3) for _ in range(100)}) > 90


def test_an_attempt_stalls_and_expires_at_its_limits_and_not_before() -> None:
    assert not stalled(POLLING, 599.9)
    assert stalled(POLLING, 600.0)
    assert not expired(POLLING, 1799.9)
    assert expired(POLLING, 1800.0)
