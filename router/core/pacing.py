"""When to ask a running attempt again: often enough to be prompt, seldom enough to be a good guest."""

from random import Random
from typing import Final

from router.core.catalog import Polling

JITTER: Final = 0.15
RETRY_AFTER_S_MAX: Final = 300.0
SLOWEST: Final = 4.0
_SHARE_OF_AGE: Final = 0.10
_SHARE_OF_AGE_NEAR_END: Final = 0.03
_POLLS_OF_REMAINDER: Final = 8
_DOUBLINGS_MAX: Final = 16


def first_poll_after_s(polling: Polling, rng: Random) -> float:
    """Seconds from the acceptance to the first poll; before it no provider has anything to tell."""
    return polling.first_after_s * _jitter(rng)


def next_poll_after_s(
    polling: Polling,
    *,
    age_s: float,
    progress: int | None,
    consecutive_errors: int,
    retry_after_s: float | None,
    rng: Random,
    slowdown: float = 1.0,
) -> float:
    """Seconds until the next poll: a tenth of the attempt's age, down to a third of that when its end seems near.

    Failed polls in a row double it each, `slowdown` multiplies it, both to at most SLOWEST times `interval_s_max`; a
    Retry-After is a floor, itself believed up to RETRY_AFTER_S_MAX.
    """
    share = _SHARE_OF_AGE
    if progress is not None and progress > 0:
        remaining = (100 - min(progress, 100)) / progress
        share = min(_SHARE_OF_AGE, max(_SHARE_OF_AGE_NEAR_END, remaining / _POLLS_OF_REMAINDER))
    interval_s = min(max(age_s * share, polling.interval_s_min), polling.interval_s_max)
    slower = slowdown * 2.0 ** min(consecutive_errors, _DOUBLINGS_MAX)
    interval_s = min(interval_s * slower, polling.interval_s_max * SLOWEST)
    return max(interval_s * _jitter(rng), patience_s(retry_after_s))


def late_poll_after_s(polling: Polling, rng: Random) -> float:
    """Seconds until the next poll of an attempt that its job went on without."""
    return polling.late_interval_s * _jitter(rng)


def stalled(polling: Polling, last_change_age_s: float) -> bool:
    """Whether an attempt has shown no change for too long."""
    return last_change_age_s >= polling.stall_s


def expired(polling: Polling, age_s: float) -> bool:
    """Whether an attempt has had its time, moving or not."""
    return age_s >= polling.deadline_s


def patience_s(retry_after_s: float | None) -> float:
    """Seconds for which a Retry-After is obeyed."""
    if retry_after_s is None or not retry_after_s > 0.0:
        return 0.0
    return min(retry_after_s, RETRY_AFTER_S_MAX)


def _jitter(rng: Random) -> float:
    return rng.uniform(1 - JITTER, 1 + JITTER)
