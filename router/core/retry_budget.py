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
        self._limit = _limit(settings)
        self._at = clock.monotonic()
        self._held = settings.per_s * _SECONDS_SAVED
        self._line: dict[str, int] = {}
        self._called: set[str] = set()
        self._came = self._went = 0

    def use(self, settings: RetryBudgetSettings) -> None:
        """Go on with other settings; what is held stays, within the new limit."""
        self._fill()
        self._settings, self._limit = settings, _limit(settings)
        self._held = min(self._held, self._limit)

    def submitted(self) -> None:
        """Count a job's first submit."""
        self._fill(self._settings.share)

    def turn_s(self, job_id: str) -> float:
        """Return after how long a job has its turn, 0 once it has it; whoever asked before is called before.

        A job that waits need not ask again until then: thousands that all tried each turn would have no time for it.
        """
        self._fill()
        if job_id in self._called:
            return 0.0
        if job_id not in self._line:
            self._line[job_id] = self._came
            self._came += 1
        missing = max(0, self._line[job_id] - self._went) + 1.0 - self._held
        if missing > _ALMOST:
            return missing / self._settings.per_s
        self.leave(job_id)
        self._called.add(job_id)
        self._held = max(0.0, self._held - 1.0)
        return 0.0

    def leave(self, job_id: str) -> None:
        """Forget a job that makes use of its turn, or is over."""
        self._called.discard(job_id)
        if self._line.pop(job_id, None) is not None:
            self._went += 1

    def _fill(self, more: float = 0.0) -> None:
        now = self._clock.monotonic()
        self._held = min(self._limit, self._held + (now - self._at) * self._settings.per_s + more)
        self._at = now


def _limit(settings: RetryBudgetSettings) -> float:
    return max(1.0, settings.per_s * _SECONDS_SAVED)
