"""What a breaker remembers: a sliding window of outcomes, in the shape in which pybreaker asks for it."""

from collections import deque
from typing import Final

from pybreaker import STATE_CLOSED, CircuitMemoryStorage

from router.core.catalog import BreakerSettings
from router.core.clock import Clock

OUTCOMES_MAX: Final = 1000
ROW_WINDOWS: Final = 10
"""In how many windows failures in a row, without any success, are enough however thinly they come."""
ROW_AMONG_MANY: Final = 2


class Window(CircuitMemoryStorage):
    """The last OUTCOMES_MAX outcomes that are no older than `window_s`, on the monotonic clock.

    Where few jobs come a window never fills, so as many failures as would fill it count if nothing else came between;
    among many jobs twice as many do, however well it did just before.
    The inherited `opened_at` is wall time and nobody asks for it: only the gate decides when a trial is due.
    """

    def __init__(self, settings: BreakerSettings, clock: Clock) -> None:
        super().__init__(STATE_CLOSED)
        self._settings = settings
        self._clock = clock
        self._outcomes: deque[tuple[float, bool]] = deque()
        self._failures = 0
        self._row: deque[float] = deque(maxlen=OUTCOMES_MAX)

    def use(self, settings: BreakerSettings) -> None:
        """Judge what is remembered, and all that follows, by other settings."""
        self._settings = settings

    def clear(self) -> None:
        """Forget every outcome."""
        self._outcomes.clear()
        self._failures = 0
        self._row.clear()

    @property
    def state(self) -> str:
        """Return pybreaker's word for the state; setting it begins an empty window."""
        return self._state

    @state.setter
    def state(self, state: str) -> None:
        self._state = state
        self.clear()

    def increment_counter(self) -> None:
        """Take in a failure."""
        self._add(failed=True)

    def reset_counter(self) -> None:
        """Take in a success, for that is when pybreaker says this; it says so on closing too, just before the state."""
        self._add(failed=False)

    @property
    def counter(self) -> int:
        """Return the failures in the window, or in a row, or 0 while they are too few or too small a share to trip."""
        self._forget(self._clock.monotonic() - self._settings.window_s)
        volume = len(self._outcomes)
        least = self._settings.volume_min
        if volume < least:
            return self._in_a_row(least)
        full = self._failures >= self._settings.failure_share * volume
        return self._failures if full else self._in_a_row(ROW_AMONG_MANY * least)

    def _in_a_row(self, least: int) -> int:
        since = self._clock.monotonic() - ROW_WINDOWS * self._settings.window_s
        return least if len(self._row) >= least and self._row[-least] > since else 0

    def _add(self, *, failed: bool) -> None:
        now = self._clock.monotonic()
        if failed:
            self._row.append(now)
        else:
            self._row.clear()
        self._outcomes.append((now, failed))
        self._failures += failed
        self._forget(now - self._settings.window_s)

    def _forget(self, before: float) -> None:
        while self._outcomes and (self._outcomes[0][0] <= before or len(self._outcomes) > OUTCOMES_MAX):
            self._failures -= self._outcomes.popleft()[1]
