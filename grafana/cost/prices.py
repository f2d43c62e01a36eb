"""The row "What should it cost?": the price list that is in force."""

from grafana_foundation_sdk.models import units

from grafana.panels import AnyPanel, Text
from grafana.promql import OFFERING
from grafana.tables import Column, columns
from router.observe import families as f


def prices() -> list[AnyPanel]:
    """Build the row's only panel."""
    keys = {"provider": "Provider", "model": "Model", "size": "Size", "seconds": "Seconds"}
    return [
        columns(
            Text(
                "Price list",
                "What a second of video costs by the configuration. The size is the longer side first, whatever the"
                " orientation.",
                "Nothing is sold.",
            ),
            keys,
            [Column("Per second", OFFERING.most(f.PRICE, ", ".join(keys)), units.Dollars, 4)],
            sort_by="Per second",
        )
    ]
