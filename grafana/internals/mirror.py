"""The row "Mirror": finished videos on the router's own disk, where one keeps them."""

from grafana_foundation_sdk.models import units

from grafana.panels import AnyPanel, Levels, Text, over_time
from grafana.promql import ROUTER
from router.observe import families as f


def mirror() -> list[AnyPanel]:
    """Build the row's panels."""
    used = 'operation=~"hit|miss"'
    return [
        over_time(
            Text("Size of the mirror", "Finished videos on the router's disk.", "No router is scraped."),
            {"{{instance}}": ROUTER.total(f.MIRROR_BYTES, "instance")},
            units.BytesIEC,
            width=6,
        ),
        over_time(
            Text("Videos in the mirror", "How many finished videos are on the router's disk.", "No router is scraped."),
            {"{{instance}}": ROUTER.total(f.MIRROR_VIDEOS, "instance")},
            units.Short,
            width=6,
        ),
        over_time(
            Text(
                "Downloads, per second",
                "A hit is served from the disk, a miss passed on from upstream. Without a mirror there is neither.",
                "No video was downloaded.",
            ),
            {"{{operation}}": ROUTER.rate(f.MIRROR_OPERATIONS, "operation", used)},
            units.Short,
            stacked=True,
            width=6,
        ),
        over_time(
            Text(
                "Videos that could not be kept",
                "They are served by passing them on, for as long as their links live.",
                "No router is scraped.",
            ),
            {"{{instance}}": ROUTER.increase(f.MIRROR_OPERATIONS, "instance", 'operation="failed"')},
            units.Short,
            width=6,
            levels=Levels(0.5, 1),
        ),
    ]
