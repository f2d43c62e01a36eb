"""The row "Do we keep our word?": the service level objectives and what is left of their error budgets."""

from dataclasses import replace

from grafana_foundation_sdk.models import units

from grafana.objectives import ACCEPTING, BUDGET_WINDOW, BURN_LEVELS, DELIVERED, LEFT_LEVELS, ON_TIME, Objective
from grafana.panels import AnyPanel, Link, Text, figure, link, over_time
from grafana.promql import ROUTER, UP, about_target
from router.observe import families as f

_WINDOWS = {"5 min": "5m", "1 h": "1h", "6 h": "6h", "30 d": BUDGET_WINDOW}


def promises() -> list[AnyPanel]:
    """Build the row's panels."""
    return [*_figures(), *_curves()]


def _figures() -> list[AnyPanel]:
    return [
        _kept(
            DELIVERED,
            Text(
                "Delivered",
                "Share of ended jobs whose caller got the video, over the time to now. Jobs that their caller caused to"
                " end (rejected input, cancelled) are left out.",
                "No job ended.",
            ),
            link("Where the others failed", "video-router-failures"),
        ),
        _kept(
            ON_TIME,
            Text(
                "On time",
                "Share of ended jobs with a video within the time of their duration class (reporting.on_time_s in the"
                " configuration). A job without a video is not on time.",
                "No job ended.",
            ),
            link("Which provider is slow", "video-router-providers"),
        ),
        _kept(
            ACCEPTING,
            Text(
                "Creates answered",
                "Share of POST /v1/videos that were not answered with 5xx: nobody loses a video here, but nobody gets"
                " one either.",
                "No create came in.",
            ),
            link("What the router lacks", "video-router-internals"),
            decimals=2,
        ),
        figure(
            Text(
                "Error budget left",
                "What is left of the failures that the promises allow in 30 days. At 0 % the promise of this month is"
                " broken; below, it is broken several times over.",
                "No job ended in 30 days.",
            ),
            {"delivered": DELIVERED.left(), "on time": ON_TIME.left(), "creates answered": ACCEPTING.left()},
            units.PercentUnit,
            decimals=0,
            width=4,
            levels=LEFT_LEVELS,
        ),
        figure(
            Text(
                "Routers up",
                "Share of the selected routers that Prometheus reached at its last scrape.",
                "No router is scraped.",
            ),
            {"up": f"avg by () ({about_target(UP)})"},
            units.PercentUnit,
            decimals=0,
            width=2,
            levels=DELIVERED.levels,
        ),
    ]


def _kept(objective: Objective, text: Text, cause: Link, decimals: int = 1) -> AnyPanel:
    shares = {legend: objective.kept(window) for legend, window in _WINDOWS.items()}
    promised = replace(text, description=f"{text.description} Promised: {objective.promised * 100:g} %.")
    panel = figure(promised, shares, units.PercentUnit, decimals=decimals, width=6, levels=objective.levels)
    return panel.data_links([cause])


def _curves() -> list[AnyPanel]:
    return [
        over_time(
            Text(
                "Shares kept, over the hour before",
                "The three promises as they moved. A job that fails shows when it ends, minutes after its cause; a"
                " create that is turned away shows at once.",
                "No job ended, and no create came in.",
            ),
            {
                "delivered": DELIVERED.kept("1h"),
                "on time": ON_TIME.kept("1h"),
                "creates answered": ACCEPTING.kept("1h"),
            },
            units.PercentUnit,
            width=8,
        )
        # All that happens is near the top.
        .axis_soft_min(0.9)
        .max(1),
        over_time(
            Text(
                "Error budget burn, over the hour before",
                "How many times faster than allowed the budgets are used: at 1 they last their 30 days, at 6 five days,"
                " at 14.4 two.",
                "No job ended, and no create came in.",
            ),
            {
                "delivered": DELIVERED.burn("1h"),
                "on time": ON_TIME.burn("1h"),
                "creates answered": ACCEPTING.burn("1h"),
            },
            units.Short,
            width=8,
            levels=BURN_LEVELS,
        ),
        over_time(
            Text(
                "Time to answer on /v1/videos",
                "Creates and lists: from a request's arrival to the end of its answer. A create is answered when its"
                " job is durable, long before there is a video. A dot leads to a trace.",
                "No request came in.",
            ),
            {
                "p50": ROUTER.quantile(0.5, f.HTTP_DURATION, "", _ROUTE),
                "p99": ROUTER.quantile(0.99, f.HTTP_DURATION, "", _ROUTE),
            },
            units.Seconds,
            width=8,
        ),
    ]


_ROUTE = 'route="/v1/videos"'
