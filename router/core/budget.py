"""Daily budgets of providers and callers: what this UTC day's attempts have cost, and may still cost."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias

from router.core.catalog import Catalog
from router.core.clock import Clock
from router.core.direct_init import with_direct_init
from router.core.limits import Caller

DAY_S: Final = 86_400
# The day before still settles, and a clock that is set back over midnight finds it as it was.
_DAYS_KEPT: Final = 2
_REMOVED_CALLERS_KEPT: Final = 10_000


CALLER_BUDGET_USED: Final = "caller_budget_used"
"""Code of a failure for which only the caller's own day is to blame."""
PROVIDER_BUDGETS_USED: Final = "provider_budgets_used"
"""Code of a failure for which the days of all providers are to blame that could take the job."""


class BudgetScope(StrEnum):
    """Whose budget it is."""

    PROVIDER = "provider"
    CALLER = "caller"


BudgetKey: TypeAlias = tuple[BudgetScope, str]


def day_of(at: float) -> int:
    """Number the UTC day that wall seconds lie in."""
    return int(at // DAY_S)


def day_start(at: float) -> float:
    """Return the first wall second of the UTC day that `at` lies in."""
    return float(day_of(at) * DAY_S)


class Share(NamedTuple):
    """What each attempt of one price at one provider takes for one caller, and the budgets that it takes it of."""

    keys: tuple[BudgetKey, BudgetKey]
    microusd: int


@lru_cache(maxsize=4096)
def _share(provider: str, caller: str, microusd: int) -> Share:
    # One for all attempts alike, of which a hundred thousand may be under way.
    return Share(((BudgetScope.PROVIDER, provider), (BudgetScope.CALLER, caller)), microusd)


@with_direct_init
@dataclass(frozen=True, slots=True)
class Booking:
    """What an attempt takes of two budgets on the day of its submit, `at` in wall seconds.

    Without an `attempt_id` it is what attempts whose money is known took together.
    """

    attempt_id: str | None
    provider: str
    caller: str
    at: float
    microusd: int

    @property
    def share(self) -> Share:
        """What it takes, and of which budgets."""
        return _share(self.provider, self.caller, self.microusd)


@dataclass(frozen=True, slots=True)
class Left:
    """What may still be spent today: by each provider that has a limit, and for one caller; None is no limit."""

    providers: Mapping[str, int] = field(default_factory=dict)
    caller_microusd: int | None = None
    day_ends_in_s: float = 0.0


UNLIMITED: Final = Left()


@dataclass(slots=True)
class _Day:
    used: dict[BudgetKey, int] = field(default_factory=dict)
    open: dict[str, Share] = field(default_factory=dict)

    def hold(self, booking: Booking) -> None:
        share = booking.share
        if booking.attempt_id is not None:
            if booking.attempt_id in self.open:
                return
            self.open[booking.attempt_id] = share
        self.count(share, share.microusd)

    def count(self, share: Share, microusd: int) -> None:
        for key in share.keys:
            self.used[key] = self.used.get(key, 0) + microusd


_UNSPENT: Final = _Day()


@dataclass(frozen=True, slots=True)
class Budget:
    """One limit of a day. Any thread may read it at any time."""

    scope: BudgetScope
    name: str
    limit_microusd: int
    _clock: Clock = field(repr=False)
    _days: Mapping[int, _Day] = field(repr=False)

    @property
    def used_microusd(self) -> int:
        """What today's attempts have cost, and may still cost as long as nobody knows."""
        day = self._days.get(day_of(self._clock.wall()))
        return day.used.get((self.scope, self.name), 0) if day else 0


class Budgets:
    """Every budget, and what counts in it; only the event loop's thread may change anything.

    What has no limit is counted all the same, so that one may be set at any hour. Per attempt nothing is kept but the
    ones whose money is open, and none of before yesterday.
    """

    def __init__(self, clock: Clock, limits: Mapping[BudgetKey, int] = MappingProxyType({})) -> None:
        self._clock = clock
        self._days: dict[int, _Day] = {}
        self._limits: dict[BudgetKey, int] = {}
        self.limit(limits)

    def limit(self, limits: Mapping[BudgetKey, int], callers: Collection[str] | None = None) -> None:
        """Put these limits in the place of all there were; what was used today stays used.

        A caller who is none of `callers` was removed, and keeps his limit for the jobs that he has left.
        """
        kept = {} if callers is None else _of_removed(self._limits, frozenset(callers))
        self._limits = {**kept, **limits}
        self._providers = tuple((key, limit) for key, limit in limits.items() if key[0] is BudgetScope.PROVIDER)
        self._budgets = tuple(Budget(*key, limit, self._clock, self._days) for key, limit in limits.items())

    def each(self) -> tuple[Budget, ...]:
        """Return every budget that the configuration sets."""
        return self._budgets

    def left(self, caller: str) -> Left:
        """Return what routing may spend for a caller now."""
        mine = (BudgetScope.CALLER, caller)
        if mine not in self._limits and not self._providers:
            return UNLIMITED
        now = self._clock.wall()
        day = self._days.get(day_of(now), _UNSPENT)
        used = day.used
        providers = {key[1]: max(0, limit - used.get(key, 0)) for key, limit in self._providers}
        return Left(providers, self._left(day, mine) if mine in self._limits else None, day_start(now) + DAY_S - now)

    def reserve(self, booking: Booking) -> bool:
        """Take what an attempt may cost from both of its budgets, or from neither when one has less left."""
        number = day_of(booking.at)
        day = self._days.get(number) or self._begin(number)
        for key in booking.share.keys if self._limits else ():
            if key in self._limits and booking.microusd > self._left(day, key):
                return False
        day.hold(booking)
        return True

    def hold(self, booking: Booking) -> None:
        """Count an attempt that was sent, whatever is left; one of a day that is over changes nothing any more.

        One of tomorrow was sent before the clock was set back over midnight.
        """
        number = day_of(booking.at)
        day = self._days.get(number)
        if day is None and number - day_of(self._clock.wall()) in (0, 1):
            day = self._begin(number)
        if day is not None:
            day.hold(booking)

    def settle(self, attempt_id: str, microusd: int) -> None:
        """Put what an attempt really cost in the place of what it may have cost; it counts once, however often."""
        for day in self._days.values():
            share = day.open.pop(attempt_id, None)
            if share is not None:
                day.count(share, microusd - share.microusd)

    def adjust(self, booking: Booking) -> None:
        """Count by how much a settled attempt cost more, or less, than was counted on the day of its submit."""
        day = self._days.get(day_of(booking.at))
        if day is not None:
            day.count(booking.share, booking.microusd)

    def release(self, attempt_id: str) -> None:
        """Give back what an attempt took that cost nothing, or was never sent."""
        self.settle(attempt_id, 0)

    def restore(self, bookings: Iterable[Booking]) -> None:
        """Take over what the store knows of today."""
        for booking in bookings:
            self.hold(booking)

    def _left(self, day: _Day, key: BudgetKey) -> int:
        """What may still be spent of a limit; a cost told above its quote may have used more than there was."""
        return max(0, self._limits[key] - day.used.get(key, 0))

    def _begin(self, number: int) -> _Day:
        """Begin a day, and forget the eldest of the others."""
        day = _Day()
        if len(self._days) >= _DAYS_KEPT:
            del self._days[min(self._days)]
        self._days[number] = day
        return day


def _of_removed(limits: Mapping[BudgetKey, int], callers: frozenset[str]) -> dict[BudgetKey, int]:
    """Return the limits of callers that are none of these, the latest of them."""
    removed = [each for each in limits.items() if each[0][0] is BudgetScope.CALLER and each[0][1] not in callers]
    return dict(removed[-_REMOVED_CALLERS_KEPT:])


def daily_limits(catalog: Catalog, callers: Iterable[Caller]) -> dict[BudgetKey, int]:
    """Collect the limits of a configuration."""
    providers = {(BudgetScope.PROVIDER, each.name): each.daily_budget_microusd for each in catalog.providers.values()}
    everybody = {**providers, **{(BudgetScope.CALLER, each.name): each.daily_budget_microusd for each in callers}}
    return {key: limit for key, limit in everybody.items() if limit is not None}
