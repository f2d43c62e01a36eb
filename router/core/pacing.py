"""When to ask a running attempt again: often enough to be prompt, seldom enough to be a good guest."""

from math import sqrt
from random import Random
from typing import Final, NamedTuple

from router.core.catalog import Polling
from router.core.pace import Pace
from router.core.progress import Window

JITTER: Final = 0.15
RETRY_AFTER_S_MAX: Final = 300.0
SLOWEST: Final = 4.0
SLOWED_S_MAX: Final = 60.0
LAG_OF_A_POLL_S: Final = 0.18
"""How many seconds later an end may be seen for one poll less: what all polls are weighed by."""
POLL_DUE: Final = sqrt(2.0 * LAG_OF_A_POLL_S)
"""What is due by the pace when a poll is worth its while."""
_DOUBLINGS_MAX: Final = 4
_BELIEVED_MIN: Final = 0.3
_BELIEVED_MAX: Final = 0.98
_HINTED_MAX: Final = 0.995


class Signs(NamedTuple):
    """What announces an end besides its time, and how often that came true there, as probabilities.

    `window` is when progress says that it comes. `called_s` is the age at which it was said to be there although the
    poll that followed did not show it.
    """

    window: Window | None = None
    believed: float = 0.0
    hinted: float = 0.0
    called_s: float | None = None


NO_SIGNS: Final = Signs()


class Trouble(NamedTuple):
    """Why polls are to be slower than they might: failed ones in a row, a Retry-After, an ailing provider."""

    errors: int = 0
    retry_after_s: float | None = None
    slowdown: float = 1.0


NO_TROUBLE: Final = Trouble()


def first_poll_after_s(polling: Polling, pace: Pace, age_s: float, signs: Signs, rng: Random) -> float:
    """Seconds to the first poll of an attempt: when one is worth its while, not before `first_after_s` of its age."""
    soonest_s = polling.first_after_s * rng.uniform(1.0, 1.0 + JITTER) - age_s
    worth_s = _worth_s(pace, age_s, signs, 0.0, rng)
    return max(soonest_s, min(worth_s, polling.interval_s_max * rng.uniform(1.0 - JITTER, 1.0)), 0.0)


def next_poll_after_s(
    polling: Polling,
    pace: Pace,
    age_s: float,
    rng: Random,
    signs: Signs = NO_SIGNS,
    trouble: Trouble = NO_TROUBLE,
) -> float:
    """Seconds until the next poll: until as much is due as one is worth, between the configured intervals.

    Failed polls in a row double it each, a slowdown multiplies it, to at most SLOWEST times `interval_s_max` and
    SLOWED_S_MAX; a Retry-After is a floor, itself believed up to RETRY_AFTER_S_MAX.
    """
    interval_s = _worth_s(pace, age_s, signs, polling.interval_s_min, rng)
    if interval_s <= polling.interval_s_min:
        interval_s = min(polling.interval_s_min * rng.uniform(1.0, 1.0 + JITTER), polling.interval_s_max)
    elif interval_s >= polling.interval_s_max:
        interval_s = max(polling.interval_s_max * rng.uniform(1.0 - JITTER, 1.0), polling.interval_s_min)
    slower = trouble.slowdown * 2.0 ** min(trouble.errors, _DOUBLINGS_MAX)
    if slower > 1.0:
        slowest_s = min(polling.interval_s_max * SLOWEST, SLOWED_S_MAX)
        interval_s = max(interval_s, min(interval_s * slower, slowest_s))
    return max(interval_s, patience_s(trouble.retry_after_s))


def resumed_poll_after_s(polling: Polling, pace: Pace, age_s: float, rng: Random) -> float:
    """Seconds to the first poll of one taken up after a restart: nobody knows when it was asked about before."""
    return rng.random() * next_poll_after_s(polling, pace, age_s, rng)


def late_poll_after_s(polling: Polling, rng: Random) -> float:
    """Seconds until the next poll of an attempt that its job went on without."""
    return polling.late_interval_s * rng.uniform(1.0 - JITTER, 1.0 + JITTER)


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


class PollRate:
    """Turns for everything that asks one provider how far its jobs are: never more of them in a second than allowed.

    A turn that was given is taken, also by one who has no use for it any more; the next ones come later.
    """

    __slots__ = ("_free_at", "_per_s_max")

    def __init__(self, per_s_max: float) -> None:
        self._per_s_max = per_s_max
        self._free_at = 0.0

    def use(self, per_s_max: float) -> None:
        """Go on at another rate; turns given out stay."""
        self._per_s_max = per_s_max

    def turn_s(self, now: float) -> float:
        """Give out the next turn; return the seconds until then. `now` is in monotonic seconds."""
        turn_at = max(now, self._free_at)
        self._free_at = turn_at + 1.0 / self._per_s_max
        return turn_at - now


def _worth_s(pace: Pace, age_s: float, signs: Signs, least_s: float, rng: Random) -> float:
    """Seconds until a poll is worth its while.

    Where ends are announced, few are left that only a poll can find; where progress says when, most of them come then.
    """
    due = POLL_DUE * rng.uniform(1.0 - JITTER, 1.0 + JITTER)
    unhinted = sqrt(1.0 - min(signs.hinted, _HINTED_MAX))
    window, believed = signs.window, min(signs.believed, _BELIEVED_MAX)
    called_s = signs.called_s
    if window is None or believed < _BELIEVED_MIN:
        at_s = pace.age_s(pace.due(age_s) + due / unhinted)
    elif age_s < window.to_s:
        at_s = _by_window(pace, age_s, window, due / unhinted, sqrt(1.0 - believed), least_s)
    else:
        at_s = pace.age_s(pace.due(age_s) + due / unhinted)
        called_s = window.to_s if called_s is None else max(called_s, window.to_s)
    if called_s is not None:
        # It was said to be there already: soon, and then less and less so.
        at_s = min(at_s, age_s + max(least_s, age_s - called_s))
    return at_s - age_s


def _by_window(pace: Pace, age_s: float, window: Window, due: float, doubt: float, least_s: float) -> float:
    """The age of the next poll where an end is expected in a window, and elsewhere only as far as that is doubted."""
    begin_s = max(age_s, window.from_s)
    now_due = pace.due(age_s)
    before = doubt * (pace.due(begin_s) - now_due)
    if before >= due:
        return pace.age_s(now_due + due / doubt)
    # The same integral over a window in which every moment is as likely: the root of what is left of it, twice.
    left = sqrt(window.to_s - begin_s) - (due - before) / 2.0
    if left <= 0.0 or window.to_s - begin_s <= least_s:
        return window.to_s
    return max(window.to_s - left * left, begin_s)
