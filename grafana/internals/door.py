"""The row "Front door": requests by route, how long they take, and how many are refused or fail."""

from grafana_foundation_sdk.models import units

from grafana.panels import AnyPanel, Text, over_time
from grafana.promql import ROUTER, share
from router.observe import families as f


def door() -> list[AnyPanel]:
    """Build the row's panels."""
    refused = ROUTER.rate(f.HTTP_REQUESTS, "code", 'code=~"[45].."')
    return [
        over_time(
            Text(
                "Requests, per second",
                "By route; unmatched is every path that does not exist.",
                "No request came in.",
            ),
            {"{{method}} {{route}}": ROUTER.rate(f.HTTP_REQUESTS, "method, route")},
            units.RequestsPerSecond,
            stacked=True,
            width=8,
        ),
        over_time(
            Text(
                "Time to answer, p99",
                "One request in a hundred took longer, to the end of its answer: downloads of whole videos included.",
                "No request came in.",
            ),
            {"{{route}}": ROUTER.quantile(0.99, f.HTTP_DURATION, "route")},
            units.Seconds,
            width=8,
        ),
        over_time(
            Text(
                "Requests refused or failed",
                "Share of all requests, by code. 4xx is the caller's doing (429: too many jobs), 5xx is ours, 499 is a"
                " caller that hung up.",
                "No request was refused.",
            ),
            {"{{code}}": share(refused, ROUTER.rate(f.HTTP_REQUESTS, ""), "code")},
            units.PercentUnit,
            width=8,
        ),
    ]
