"""What trials have been expected to cost more than the best today, and may still."""

from router.core.budget import day_of
from router.core.clock import Clock


class ExplorationBudget:
    """One sum for each UTC day, in memory only: a restart begins it anew."""

    def __init__(self, clock: Clock, microusd_per_day: int) -> None:
        self._clock = clock
        self._microusd_per_day = microusd_per_day
        self._day = day_of(clock.wall())
        self.used_microusd = 0

    def use(self, microusd_per_day: int) -> None:
        """Put another limit in force; what was used today stays used."""
        self._microusd_per_day = microusd_per_day

    @property
    def limit_microusd(self) -> int:
        """The most that may be used a day; any thread may ask."""
        return self._microusd_per_day

    @property
    def used_today_microusd(self) -> int:
        """What was used today; any thread may ask."""
        return self.used_microusd if self._day == day_of(self._clock.wall()) else 0

    def left_microusd(self) -> int:
        """Return what may still be used today."""
        self._turn_over()
        return max(0, self._microusd_per_day - self.used_microusd)

    def take(self, microusd: int) -> None:
        """Count a trial that begins, or with less than 0 one that did not."""
        self._turn_over()
        self.used_microusd = max(0, self.used_microusd + microusd)

    def _turn_over(self) -> None:
        today = day_of(self._clock.wall())
        if today != self._day:
            self._day, self.used_microusd = today, 0
