"""How well a provider has done of late: a success share that forgets, and that one bad day cannot ruin."""

from typing import Final

from router.core.clock import Clock

HALF_LIFE_S: Final = 600.0
PRIOR: Final = 4.0


class Record:
    """Outcomes lose half of their weight every HALF_LIFE_S; as many as PRIOR successes are taken for granted."""

    __slots__ = ("_at", "_clock", "_outcomes", "_successes")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._outcomes = 0.0
        self._successes = 0.0
        self._at = clock.monotonic()

    def add(self, *, succeeded: bool) -> None:
        """Take in one outcome."""
        now = self._clock.monotonic()
        decay = self._decay(now)
        self._outcomes = self._outcomes * decay + 1.0
        self._successes = self._successes * decay + succeeded
        self._at = now

    def share(self) -> float:
        """Return the share of successes, from above 0 to 1; a provider of which nothing is known has 1."""
        decay = self._decay(self._clock.monotonic())
        return (PRIOR + self._successes * decay) / (PRIOR + self._outcomes * decay)

    def _decay(self, now: float) -> float:
        return float(0.5 ** ((now - self._at) / HALF_LIFE_S))
