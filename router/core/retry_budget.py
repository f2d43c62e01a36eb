"""How many failovers may follow each other, so that one provider's outage does not become everybody's load."""

from typing import Final

from router.core.clock import Clock
from router.core.routing_settings import RetryBudgetSettings

_SECONDS_SAVED: Final = 10.0
# Sums of fractions fall short of a whole turn by less than this; without it a wait could be too short to be one.
_ALMOST: Final = 1e-6


class RetryBudget:
    """A bucket of failovers: it fills by `per_s` and by a share of all first submits, and holds ten seconds' worth.

    A failover that finds it empty waits for its turn; it is never given up for that.
    """

    def __init__(self, clock: Clock, settings: RetryBudgetSettings) -> None:
        self._clock = clock
        self._settings = settings
        self._at = clock.monotonic()
        self._held = settings.per_s * _SECONDS_SAVED

    def use(self, settings: RetryBudgetSettings) -> None:
        """Go on with other settings; what is held stays, within the new limit."""
        self._fill()
        self._settings = settings
        self._held = min(self._held, self._limit)

    def submitted(self) -> None:
        """Count a job's first submit."""
        self._fill()
        self._held = min(self._limit, self._held + self._settings.share)

    def try_take(self) -> bool:
        """Take a failover's turn, if there is one."""
        self._fill()
        if self._held < 1.0 - _ALMOST:
            return False
        self._held = max(0.0, self._held - 1.0)
        return True

    def wait_s(self) -> float:
        """Return after how long there will be a turn, when nobody else takes it."""
        self._fill()
        missing = 1.0 - self._held
        return missing / self._settings.per_s if missing > _ALMOST else 0.0

    @property
    def _limit(self) -> float:
        return max(1.0, self._settings.per_s * _SECONDS_SAVED)

    def _fill(self) -> None:
        now = self._clock.monotonic()
        self._held = min(self._limit, self._held + (now - self._at) * self._settings.per_s)
        self._at = now
