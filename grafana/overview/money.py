"""The row "What does it cost?": how fast money goes, and what of it is lost."""

from grafana_foundation_sdk.models import units

from grafana.panels import JOBS_INTERVAL, AnyPanel, Levels, Text, coloured, figure, over_time
from grafana.promql import INTERVAL, ROUTER, hourly
from grafana.spending import KIND_COLOURS, listed_per_second, paid_per_second, wasted_share
from router.observe import families as f

WASTE = Levels(0.05, 0.2)


def money() -> list[AnyPanel]:
    """Build the row's panels."""
    return [*_curves(), *_figures()]


def _curves() -> list[AnyPanel]:
    return [
        coloured(
            over_time(
                Text(
                    "Spending, per hour",
                    "Money posted: for delivered videos, for failed attempts that were billed, for videos nobody got.",
                    "Nothing was spent.",
                ),
                {"{{kind}}": hourly(ROUTER.rate(f.COST, "kind"))},
                units.Dollars,
                stacked=True,
                interval=JOBS_INTERVAL,
                width=8,
            ),
            KIND_COLOURS,
        ),
        over_time(
            Text(
                "Cost per delivered second",
                "All that was paid over the seconds that callers got, beside the list price of the same videos. The gap"
                " is waste.",
                "No video was delivered.",
            ),
            {
                "paid": paid_per_second(ROUTER, "", INTERVAL),
                "list price": listed_per_second(ROUTER, "", INTERVAL),
            },
            units.Dollars,
            interval=JOBS_INTERVAL,
            width=8,
        ),
    ]


def _figures() -> list[AnyPanel]:
    return [
        figure(
            Text(
                "Wasted share",
                "Share of the money posted in this range that gave no caller anything.",
                "Nothing was spent.",
            ),
            {"of all spending": wasted_share(ROUTER, "")},
            units.PercentUnit,
            decimals=1,
            width=4,
            height=8,
            levels=WASTE,
        ),
        figure(
            Text(
                "Uncertain now",
                "Money of attempts that may still turn out to be spent: their submit went unanswered, or they were"
                " given up while they may still succeed.",
                "Nothing is uncertain.",
            ),
            {"{{provider}}": f"{ROUTER.total(f.UNCERTAIN, 'provider')} > 0"},
            units.Dollars,
            width=4,
            height=8,
        ),
    ]
