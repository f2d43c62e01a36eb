"""The row "Which one is cheapest?"."""

from grafana_foundation_sdk.models import units

from grafana.panels import JOBS_INTERVAL, AnyPanel, Text, over_time
from grafana.promql import INTERVAL, OFFERING
from grafana.spending import listed_per_second, paid_per_second, wasted_share


def prices() -> list[AnyPanel]:
    """Build the row's panels."""
    return [
        over_time(
            Text(
                "Cost per delivered second",
                "What a second of video in a caller's hands cost, failures and duplicates included, beside the list"
                " price of the same videos. The gap is waste.",
                "No video was delivered.",
            ),
            {
                "{{provider}} paid": paid_per_second(OFFERING, "provider", INTERVAL),
                "{{provider}} list price": listed_per_second(OFFERING, "provider", INTERVAL),
            },
            units.Dollars,
            interval=JOBS_INTERVAL,
        ),
        over_time(
            Text(
                "Wasted share of what each was paid",
                "Money posted for attempts that gave the caller nothing, of all money posted.",
                "Nothing was spent.",
            ),
            {"{{provider}}": wasted_share(OFFERING, "provider", INTERVAL)},
            units.PercentUnit,
            interval=JOBS_INTERVAL,
        ),
    ]
