"""The last hour in a bounded space: exact sums by the minute, and a sample of durations large enough for a quantile."""

from collections import Counter, deque
from collections.abc import Mapping
from typing import Final, Generic, TypeVar

from router.core.clock import Clock
from router.core.quantile import nearest_rank

WINDOW_S: Final = 3600.0
"""How far back a window reaches; sums are forgotten by the minute, so they may miss the first part of one."""

_SLICE_S: Final = 60.0
_DURATIONS_MAX: Final = 1_000

Key = TypeVar("Key")


class SlidingSums(Generic[Key]):
    """Sums by key over the window. Its size is what the keys of one window take, however much is added to them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._slices: deque[tuple[int, Counter[Key]]] = deque(maxlen=int(WINDOW_S / _SLICE_S))

    def add(self, key: Key, amount: int = 1) -> None:
        """Add to a key's sum."""
        number, slices = self._number(), self._slices
        if not slices or slices[-1][0] != number:
            slices.append((number, Counter()))
        slices[-1][1][key] += amount

    def sums(self) -> Mapping[Key, int]:
        """Return the sums of the window; a key without any counts as 0."""
        oldest, sums = self._number() - int(WINDOW_S / _SLICE_S), Counter[Key]()
        for number, counts in self._slices:
            if number > oldest:
                sums.update(counts)
        return sums

    def _number(self) -> int:
        return int(self._clock.monotonic() // _SLICE_S)


class SlidingDurations:
    """The window's durations, or the last thousand of them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._durations: deque[tuple[float, float]] = deque(maxlen=_DURATIONS_MAX)

    def add(self, duration_s: float) -> None:
        """Take in a duration."""
        self._durations.append((self._clock.monotonic(), duration_s))

    def quantiles(self, *shares: float) -> list[float | None]:
        """Return nearest-rank quantiles, rounded to a tenth of a second; None where there is no duration."""
        since = self._clock.monotonic() - WINDOW_S
        ascending = sorted(duration_s for at, duration_s in self._durations if at > since)
        found = [nearest_rank(ascending, share) for share in shares]
        return [None if duration_s is None else round(duration_s, 1) for duration_s in found]
