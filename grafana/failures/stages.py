"""The row "At which stage?": the heat table, and how the shares move."""

from grafana_foundation_sdk.models import units

from grafana.panels import JOBS_INTERVAL, AnyPanel, Levels, Text, over_time
from grafana.promql import FAILED, OFFERING, RANGE, share
from grafana.tables import matrix
from router.observe import families as f

_HEAT = Levels(0.02, 0.1)


def stages() -> list[AnyPanel]:
    """Build the row's panels."""
    failed = OFFERING.increase(f.ATTEMPTS, "provider, stage", FAILED, window=RANGE)
    attempts = OFFERING.judged_increase("provider", RANGE)
    return [
        matrix(
            Text(
                "Failed attempts by stage and provider",
                "Share of a provider's attempts in this range that failed at a stage: yellow from 2 %, red from 10 %. A"
                " red row is a stage that all share, such as a prompt that nobody makes; a red column is a provider's"
                " own trouble.",
                "No attempt failed.",
            ),
            f"{share(failed, attempts, 'stage')} > 0",
            "stage",
            "provider",
            units.PercentUnit,
            _HEAT,
            width=12,
        ),
        over_time(
            Text(
                "Failed attempts by stage, share of all attempts",
                "All selected providers together. A band that widens is a stage that gets worse.",
                "No attempt failed.",
            ),
            {"{{stage}}": share(OFFERING.rate(f.ATTEMPTS, "stage", FAILED), OFFERING.judged_rate(""), "stage")},
            units.PercentUnit,
            stacked=True,
            interval=JOBS_INTERVAL,
            height=10,
        ),
    ]
