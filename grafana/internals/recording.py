"""The row "What is recorded": what these dashboards themselves miss."""

from grafana_foundation_sdk.models import units

from grafana.panels import AnyPanel, Levels, Text, over_time
from grafana.promql import ROUTER, about_target
from router.observe import families as f


def recording() -> list[AnyPanel]:
    """Build the row's panels."""
    return [
        over_time(
            Text(
                "Events that were not recorded",
                "By what failed to record them: metrics, logs or spans. While it is over 0 these dashboards lie.",
                "No router is scraped.",
            ),
            {"{{sink}}": ROUTER.increase(f.OBSERVER_ERRORS, "sink")},
            units.Short,
            width=8,
            levels=Levels(0.5, 1),
        ),
        over_time(
            Text(
                "Label sets folded",
                "Values counted under `other` because a metric has all the series that it may have.",
                "No router is scraped.",
            ),
            {"{{family}}": ROUTER.increase(f.FOLDED, "family")},
            units.Short,
            width=8,
        ),
        over_time(
            Text(
                "Scrape time",
                "How long Prometheus waits for a router's metrics. It grows with providers, models and routes.",
                "No router is scraped.",
            ),
            {"{{instance}}": f"max by (instance) ({about_target('scrape_duration_seconds')})"},
            units.Seconds,
            width=8,
            levels=Levels(0.1, 1),
        ),
    ]
