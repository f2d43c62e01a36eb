"""The row "Store": every job and every cent is durable before anything else happens."""

from grafana_foundation_sdk.models import units

from grafana.panels import AnyPanel, Levels, Text, over_time
from grafana.promql import ROUTER
from router.observe import families as f

_WRITE = Levels(0.025, 0.1)


def store() -> list[AnyPanel]:
    """Build the row's panels."""
    return [
        over_time(
            Text(
                "Writes, per second",
                "Writes that were asked for; many share one commit when it is busy.",
                "Nothing was written.",
            ),
            {"{{instance}}": ROUTER.rate(f.STORE_WRITE, "instance", suffix="_count")},
            units.Short,
            width=8,
        ),
        over_time(
            Text(
                "Time to be durable",
                "From asking for a write to its being on disk, waiting included. A create is not answered before.",
                "Nothing was written.",
            ),
            {
                "{{instance}} p50": ROUTER.quantile(0.5, f.STORE_WRITE, "instance"),
                "{{instance}} p99": ROUTER.quantile(0.99, f.STORE_WRITE, "instance"),
            },
            units.Seconds,
            width=8,
            levels=_WRITE,
        ),
        over_time(
            Text(
                "Failed writes",
                "A full disk, a locked or broken file. Any at all wants somebody at once: nothing is sent whose record"
                " cannot be written.",
                "No router is scraped.",
            ),
            {"{{instance}}": ROUTER.increase(f.STORE_FAILURES, "instance")},
            units.Short,
            width=8,
            levels=Levels(0.5, 1),
        ),
    ]
