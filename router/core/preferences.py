"""What a caller may say of the routing of one job."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from router.core.policy import FailoverOn, OnAmbiguous


class DurationPolicy(StrEnum):
    """Whether a video may have another length than asked: `at_least` takes the shortest sold one that suffices.

    `nearest` takes the sold duration closest to it, of two that are as close the longer one.
    """

    EXACT = "exact"
    AT_LEAST = "at_least"
    NEAREST = "nearest"


class Sort(StrEnum):
    """What candidates are ordered by instead of the operator's policy: the quote, the expected time or cost."""

    PRICE = "price"
    LATENCY = "latency"
    EXPECTED_COST = "expected_cost"


@dataclass(frozen=True, slots=True)
class RoutingPreferences:
    """A caller's own limits and wishes for one job; None and () leave the operator's.

    Those from `spend_microusd_max` to `failover_on` only ever make the operator's stricter, see `router.core.terms`.
    `order` names who is asked first, one after the other, and the others after them; without `allow_fallbacks` none of
    the others, and without an `order` nobody but the first. `models` are taken when nobody can make the one asked for.
    """

    only: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    price_microusd_max: int | None = None
    duration_policy: DurationPolicy | None = None
    spend_microusd_max: int | None = None
    attempts_max: int | None = None
    deadline_s: float | None = None
    on_ambiguous: OnAmbiguous | None = None
    duplicate_microusd_max: int | None = None
    failover_on: FailoverOn | None = None
    order: tuple[str, ...] = ()
    sort: Sort | None = None
    allow_fallbacks: bool = True
    models: tuple[str, ...] = ()


NO_PREFERENCES: Final = RoutingPreferences()
"""Those of a caller who says nothing, the same for all of them."""
