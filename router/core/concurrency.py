"""How many jobs a provider has in flight, and how many it may have: halved by a rate limit, regained by successes."""

from typing import Final

from router.core.events import BreakerKind

SUCCESSES_PER_STEP: Final = 4
SLOW_START: Final = 2
"""How many more jobs than it has a provider gets that has just recovered."""


class Concurrency:
    """Additive increase, multiplicative decrease between 1 and `limit_max`. `count` is what is in flight now.

    After an outage it begins with a few and takes one more for each success of the kind that failed before, which
    doubles it with every round, until it is where it was.
    """

    __slots__ = ("_restarted", "_successes", "_threshold", "count", "limit", "limit_max")

    def __init__(self, limit_max: int) -> None:
        self.limit_max = limit_max
        self.limit = limit_max
        self.count = 0
        self._successes = 0
        self._restarted: BreakerKind | None = None
        self._threshold = limit_max

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
        """Give back all that rate limits and outages took."""
        self.limit = self.limit_max
        self._successes = 0
        self._restarted = None

    def start_slowly(self, recovered: BreakerKind, up_to: int | None = None) -> None:
        """Begin with a few after an outage; more of them follow successes of the kind that has `recovered`.

        It ends at `up_to`, or where it is now.
        """
        if self._restarted is None:
            self._threshold = self.limit if up_to is None else up_to
        self._restarted = recovered
        self.limit = max(1, min(self._threshold, self.count + SLOW_START))

    def halve(self) -> None:
        """Take back half of the limit, and the successes collected so far."""
        self.limit = max(1, self.limit // 2)
        self._successes = 0
        self._restarted = None

    def succeeded(self, kind: BreakerKind = BreakerKind.SUBMIT) -> None:
        """Give back one for every SUCCESSES_PER_STEP submits that went well, or for each success after an outage."""
        if self._restarted is not None:
            if kind is self._restarted:
                self.limit = min(self.limit_max, self.limit + 1)
            if self.limit >= min(self._threshold, self.limit_max):
                self._restarted = None
            return
        if self.limit >= self.limit_max or kind is not BreakerKind.SUBMIT:
            return
        self._successes += 1
        if self._successes >= SUCCESSES_PER_STEP:
            self._successes = 0
            self.limit += 1
