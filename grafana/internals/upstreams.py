"""The row "Exchanges with upstreams"."""

from grafana_foundation_sdk.models import units

from grafana.panels import AnyPanel, Text, over_time
from grafana.promql import PROVIDER, ROUTER
from router.observe import families as f


def upstreams() -> list[AnyPanel]:
    """Build the row's panels."""
    return [
        over_time(
            Text(
                "Exchanges, per second",
                "HTTP exchanges by what they were for; most of the router's CPU goes into polls.",
                "No exchange took place.",
            ),
            {"{{operation}}": PROVIDER.rate(f.EXCHANGES, "operation")},
            units.RequestsPerSecond,
            stacked=True,
            width=12,
        ),
        over_time(
            Text(
                "Exchange time, p99",
                "One exchange in a hundred took longer.",
                "No exchange took place.",
            ),
            {"{{operation}}": PROVIDER.quantile(0.99, f.EXCHANGE_DURATION, "operation")},
            units.Seconds,
            width=12,
        ),
        over_time(
            Text(
                "Exchanges that failed, per second",
                "Not sent: it never left, nothing was bought; no answer: it may have been acted upon.",
                "No exchange took place.",
            ),
            {"{{operation}} {{result}}": PROVIDER.rate(f.EXCHANGES, "operation, result", 'result!="ok"')},
            units.RequestsPerSecond,
            stacked=True,
            width=12,
        ),
        over_time(
            Text(
                "Webhooks, per second",
                "By their use: only hinted ones bring a poll; unproven ones are forged, or a secret is wrong.",
                "No webhook came.",
            ),
            {"{{result}}": ROUTER.rate(f.WEBHOOKS, "result")},
            units.RequestsPerSecond,
            stacked=True,
            width=12,
        ),
    ]
