"""How the operator wants the next offering chosen."""

from dataclasses import dataclass, field
from enum import StrEnum

from router.core.preferences import DurationPolicy


class RoutingPolicy(StrEnum):
    """What candidates are ordered by: the cost and the time of a delivered video, fixed shares, or fixed ranks."""

    EXPECTED_COST = "expected_cost"
    WEIGHTED = "weighted"
    PRIORITY = "priority"
    FASTEST = "fastest"


class PanicPolicy(StrEnum):
    """What becomes of a job while everybody who could take it is ejected.

    `probe` lets it be the probe of one whose ejection is over; `never` turns it away, until nobody was tried for as
    long as the longest ejection lasts, for without any probe an outage would never end.
    """

    PROBE = "probe"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class ExplorationSettings:
    """How much may be spent on finding out who is cheaper than thought.

    An offering that may be cheaper gets as great a share of the jobs as that is likely, at most `share`, and cannot be
    the best before it has `outcomes_min` outcomes; together trials may be expected to cost `microusd_per_day` more
    than the best in a UTC day.
    """

    share: float = 0.2
    outcomes_min: int = 5
    microusd_per_day: int = 2_000_000


@dataclass(frozen=True, slots=True)
class RetryBudgetSettings:
    """How many failovers may follow each other: `share` of the submits of the last seconds, and `per_s` besides."""

    share: float = 0.2
    per_s: float = 10.0


@dataclass(frozen=True, slots=True)
class RoutingSettings:
    """The operator's defaults. `microusd_per_minute` is the price of waiting for a video.

    `undelivered_microusd` is what a job costs that ends without one: a failure of its last attempt counts as much, one
    of an earlier attempt a tenth of that, and a tenth of that again. What is learned loses half its weight in
    `half_life_s`.
    """

    policy: RoutingPolicy = RoutingPolicy.EXPECTED_COST
    microusd_per_minute: int = 0
    undelivered_microusd: int = 1_000_000
    half_life_s: float = 3600.0
    exploration: ExplorationSettings = field(default_factory=ExplorationSettings)
    retry_budget: RetryBudgetSettings = field(default_factory=RetryBudgetSettings)
    panic: PanicPolicy = PanicPolicy.PROBE
    duration_policy: DurationPolicy = DurationPolicy.EXACT
