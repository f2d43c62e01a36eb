"""The row "In one table": every provider in one line."""

from grafana_foundation_sdk.models import units

from grafana.money import WASTED, listed_per_second, paid_per_second
from grafana.panels import AnyPanel, Column, Text, columns
from grafana.promql import RANGE, SUCCEEDED, increase, quantile, ratio, total
from router.observe import families as f


def side_by_side() -> list[AnyPanel]:
    """Build the row's only panel."""
    attempts = increase(f.ATTEMPTS, "provider", window=RANGE)
    succeeded = increase(f.ATTEMPTS, "provider", SUCCEEDED, window=RANGE)
    return [
        columns(
            Text(
                "Providers side by side",
                "The whole range in one row a provider. Paid per second counts everything that was paid, also for"
                " failures and duplicates; list price is what the same videos cost by the price list.",
                "No attempt in this range.",
            ),
            {"provider": "Provider"},
            [
                Column("Attempts", attempts, units.Short),
                Column("Success", ratio(succeeded, attempts), units.PercentUnit, 1),
                Column("p50", quantile(0.5, f.JOB_DURATION, "provider", SUCCEEDED, window=RANGE), units.Seconds),
                Column("p90", quantile(0.9, f.JOB_DURATION, "provider", SUCCEEDED, window=RANGE), units.Seconds),
                Column("Paid per second", paid_per_second(RANGE), units.Dollars, 4),
                Column("List price per second", listed_per_second(RANGE), units.Dollars, 4),
                Column("Wasted", increase(f.COST, "provider", WASTED, window=RANGE), units.Dollars, 2),
                Column("Uncertain now", total(f.UNCERTAIN, "provider"), units.Dollars, 2),
            ],
            sort_by="Attempts",
        )
    ]
