"""The row "Why?": reasons beside the stages that they happened in."""

from grafana_foundation_sdk.models import units

from grafana.panels import JOBS_INTERVAL, AnyPanel, Text, over_time
from grafana.promql import FAILED, OFFERING, RANGE, hourly
from grafana.tables import Column, columns
from router.observe import families as f


def reasons() -> list[AnyPanel]:
    """Build the row's panels."""
    keys = {"provider": "Provider", "stage": "Stage", "reason": "Reason", "outcome": "Outcome"}
    failed = OFFERING.increase(f.ATTEMPTS, ", ".join(keys), FAILED, window=RANGE)
    by = "provider, stage, reason"
    return [
        columns(
            Text(
                "Where and why attempts fail",
                "Attempts in this range that gave no video. Late: given up while it may still succeed; unknown: the"
                " answer to its submit was lost.",
                "No attempt failed.",
            ),
            keys,
            [Column("Attempts", f"{failed} > 0", units.Short)],
            sort_by="Attempts",
            width=10,
        ),
        over_time(
            Text(
                "Failed attempts, per hour",
                "The same over time: a new colour is a new kind of failure.",
                "No attempt failed.",
            ),
            {"{{provider}} {{stage}} {{reason}}": hourly(OFFERING.rate(f.ATTEMPTS, by, FAILED))},
            units.Short,
            stacked=True,
            interval=JOBS_INTERVAL,
            width=14,
        ),
    ]
