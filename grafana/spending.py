"""Money in queries: what was paid for a delivered second, what it should have cost, and what was wasted."""

from grafana.promql import RANGE, Scope, ratio
from router.observe import families as f

KIND_COLOURS = {"delivered": "green", "failed_billed": "red", "duplicate": "orange"}
WASTED = 'kind=~"failed_billed|duplicate"'


def paid_per_second(scope: Scope, by: str, window: str) -> str:
    """All that was paid, failures and duplicates included, over the seconds that callers got."""
    delivered = scope.increase(f.VIDEO_SECONDS, by, window=window)
    return ratio(scope.increase(f.COST, by, window=window), delivered)


def listed_per_second(scope: Scope, by: str, window: str) -> str:
    """What the same seconds cost by the price list."""
    delivered = scope.increase(f.VIDEO_SECONDS, by, window=window)
    return ratio(scope.increase(f.DELIVERED_QUOTE, by, window=window), delivered)


def expected_per_second(scope: Scope, by: str, window: str) -> str:
    """What the same seconds were expected to cost when they were routed."""
    delivered = scope.increase(f.VIDEO_SECONDS, by, window=window)
    return ratio(scope.increase(f.EXPECTED_COST, by, window=window), delivered)


def paid_over_expected(scope: Scope, by: str, window: str) -> str:
    """All that was paid, over what the delivered videos were expected to cost: 1 where expectations come true."""
    return ratio(scope.increase(f.COST, by, window=window), scope.increase(f.EXPECTED_COST, by, window=window))


def wasted(scope: Scope, by: str, window: str = RANGE) -> str:
    return scope.increase(f.COST, by, WASTED, window=window)


def wasted_share(scope: Scope, by: str, window: str = RANGE) -> str:
    return ratio(wasted(scope, by, window), scope.increase(f.COST, by, window=window))


def saved(scope: Scope, by: str, window: str = RANGE) -> str:
    """What the delivered videos would have cost at the baseline provider's list price, less all that was spent."""
    return f"{scope.increase(f.BASELINE_COST, by, window=window)} - {scope.increase(f.COST, by, window=window)}"
