"""The row "What does a delivered second cost?": in total, then by provider and model."""

from grafana_foundation_sdk.models import units

from grafana.panels import JOBS_INTERVAL, AnyPanel, Levels, Text, figure, over_time
from grafana.promql import INTERVAL, OFFERING, RANGE, hourly, ratio
from grafana.spending import listed_per_second, paid_over_expected, paid_per_second, saved, wasted
from grafana.tables import Column, columns
from router.observe import families as f

_OVER_EXPECTED = Levels(1.1, 1.25)
_OVER_LIST = Levels(1.1, 1.25)
_MONTH_S = 30 * 86_400


def paid() -> list[AnyPanel]:
    """Build the row's panels."""
    return [*_figures(), _table(), *_curves()]


def _figures() -> list[AnyPanel]:
    spent = OFFERING.increase(f.COST, "", window=RANGE)
    return [
        figure(
            Text("Spent in this range", "All money posted.", "Nothing was spent."),
            {"spent": spent},
            units.Dollars,
        ),
        figure(
            Text(
                "Cost per delivered second",
                "All money posted in this range over the seconds of video that callers got, and the list price of the"
                " same videos.",
                "No video was delivered.",
            ),
            {
                "paid": paid_per_second(OFFERING, "", RANGE),
                "list price": listed_per_second(OFFERING, "", RANGE),
            },
            units.Dollars,
            decimals=4,
        ),
        figure(
            Text(
                "Video delivered in this range",
                "Seconds of video in callers' hands.",
                "No video was delivered.",
            ),
            {"delivered": OFFERING.increase(f.VIDEO_SECONDS, "", window=RANGE)},
            units.Seconds,
            decimals=1,
        ),
        figure(
            Text(
                "A month at this pace",
                "What 30 days cost if they go on like this range. A range that begins before the router's first scrape"
                " tells too little.",
                "Nothing was spent.",
            ),
            {"30 days": f"{spent} / $__range_s * {_MONTH_S}"},
            units.Dollars,
        ),
    ]


def _table() -> AnyPanel:
    by = "provider, model"
    over = ratio(paid_per_second(OFFERING, by, RANGE), f"({listed_per_second(OFFERING, by, RANGE)})")
    return columns(
        Text(
            "By provider and model",
            "The whole range. Paid over list price shows what failures, duplicates and told costs add to the price: at"
            " 1 a second costs what the list says, yellow from 1.1, red from 1.25. Paid over expected is against what"
            " routing expected the same videos to cost: a provider that is dearer than it is taken for gets more jobs"
            " than it should. Saved is against the baseline provider's list price.",
            "No video was delivered.",
        ),
        {"provider": "Provider", "model": "Model"},
        [
            Column("Spent", OFFERING.increase(f.COST, by, window=RANGE), units.Dollars, 2),
            Column("Delivered", OFFERING.increase(f.VIDEO_SECONDS, by, window=RANGE), units.Seconds, 1),
            Column("Paid per second", paid_per_second(OFFERING, by, RANGE), units.Dollars, 4),
            Column("List price per second", listed_per_second(OFFERING, by, RANGE), units.Dollars, 4),
            Column("Paid over list price", over, units.Short, 2, _OVER_LIST),
            Column("Paid over expected", paid_over_expected(OFFERING, by, RANGE), units.Short, 2, _OVER_EXPECTED),
            Column("Wasted", wasted(OFFERING, by), units.Dollars, 2),
            Column("Saved", saved(OFFERING, by), units.Dollars, 2),
        ],
        sort_by="Spent",
    )


def _curves() -> list[AnyPanel]:
    by = "provider, model"
    return [
        over_time(
            Text(
                "Paid and list price of a delivered second",
                "By provider and model. The gap between the two is waste.",
                "No video was delivered.",
            ),
            {
                "{{provider}} {{model}} paid": paid_per_second(OFFERING, by, INTERVAL),
                "{{provider}} {{model}} list price": listed_per_second(OFFERING, by, INTERVAL),
            },
            units.Dollars,
            interval=JOBS_INTERVAL,
        ),
        over_time(
            Text(
                "Spending, per hour",
                "Money posted, by provider and model.",
                "Nothing was spent.",
            ),
            {"{{provider}} {{model}}": hourly(OFFERING.rate(f.COST, by))},
            units.Dollars,
            stacked=True,
            interval=JOBS_INTERVAL,
        ),
    ]
