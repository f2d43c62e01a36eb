"""How many jobs a provider has in flight, and how many it may have: halved by a rate limit, regained by successes."""

from typing import Final

SUCCESSES_PER_STEP: Final = 4


class Concurrency:
    """Additive increase, multiplicative decrease between 1 and `limit_max`. `count` is what is in flight now."""

    __slots__ = ("_successes", "count", "limit", "limit_max")

    def __init__(self, limit_max: int) -> None:
        self.limit_max = limit_max
        self.limit = limit_max
        self.count = 0
        self._successes = 0

    @property
    def full(self) -> bool:
        """Whether nothing more may start."""
        return self.count >= self.limit

    def enter(self) -> None:
        """Count one more, over the limit if need be: a resumed job is in flight whatever we say."""
        self.count += 1

    def leave(self) -> None:
        """Count one less."""
        self.count -= 1

    def resize(self, limit_max: int) -> None:
        """Take over another limit; what is in flight stays counted, and what rate limits took back stays taken."""
        self.limit = limit_max if self.limit >= self.limit_max else min(self.limit, limit_max)
        self.limit_max = limit_max

    def restore(self) -> None:
        """Give back all that rate limits took."""
        self.limit = self.limit_max
        self._successes = 0

    def halve(self) -> None:
        """Take back half of the limit, and the successes collected so far."""
        self.limit = max(1, self.limit // 2)
        self._successes = 0

    def succeeded(self) -> None:
        """Give back one for every SUCCESSES_PER_STEP submits that went well."""
        if self.limit >= self.limit_max:
            return
        self._successes += 1
        if self._successes >= SUCCESSES_PER_STEP:
            self._successes = 0
            self.limit += 1
