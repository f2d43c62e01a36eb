"""The row "In one table": every provider in one line."""

from grafana_foundation_sdk.models import units

from grafana.panels import AnyPanel, Levels, Text, link
from grafana.promql import OFFERING, RANGE, SUCCEEDED, ratio
from grafana.spending import expected_per_second, listed_per_second, paid_per_second, wasted
from grafana.tables import Column, columns
from router.observe import families as f

SUCCESS = Levels(0.95, 0.8, falling=True)
_THIS = "${__data.fields.provider}"


def comparison() -> list[AnyPanel]:
    """Build the row's only panel."""
    return [
        columns(
            Text(
                "Providers side by side",
                "The whole range in one row a provider. Paid per second counts everything that was paid, also for"
                " failures and duplicates; list price is what the same videos cost by the price list. p50 and p90 are"
                " of whole delivered jobs, in all duration classes. Expected is what routing reckoned they would"
                " cost, failed attempts included. A provider's name leads to its failures and costs.",
                "No attempt in this range.",
            ),
            {"provider": "Provider"},
            _numbers(),
            sort_by="Attempts",
            links=[
                link("Failures of this provider", "video-router-failures", provider=_THIS),
                link("Costs of this provider", "video-router-cost", provider=_THIS),
            ],
        )
    ]


def _numbers() -> list[Column]:
    attempts = OFFERING.increase(f.ATTEMPTS, "provider", window=RANGE)
    succeeded = OFFERING.increase(f.ATTEMPTS, "provider", SUCCEEDED, window=RANGE)
    return [
        Column("Attempts", attempts, units.Short),
        Column("Success", ratio(succeeded, OFFERING.judged_increase("provider", RANGE)), units.PercentUnit, 1, SUCCESS),
        Column("p50", OFFERING.quantile(0.5, f.JOB_DURATION, "provider", window=RANGE), units.Seconds),
        Column("p90", OFFERING.quantile(0.9, f.JOB_DURATION, "provider", window=RANGE), units.Seconds),
        Column("Paid per second", paid_per_second(OFFERING, "provider", RANGE), units.Dollars, 4),
        Column("Expected per second", expected_per_second(OFFERING, "provider", RANGE), units.Dollars, 4),
        Column("List price per second", listed_per_second(OFFERING, "provider", RANGE), units.Dollars, 4),
        Column("Wasted", wasted(OFFERING, "provider"), units.Dollars, 2),
        Column("Uncertain now", OFFERING.total(f.UNCERTAIN, "provider"), units.Dollars, 2),
        Column("In flight", OFFERING.total(f.JOBS_IN_FLIGHT, "provider", 'provider!="none"'), units.Short),
    ]
