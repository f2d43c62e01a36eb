"""The row "Where does each one fail?"; the dashboard "Failure stages" says why, and how late."""

from grafana_foundation_sdk.models import units

from grafana.panels import JOBS_INTERVAL, AnyPanel, Text, over_time
from grafana.promql import FAILED, OFFERING, PROVIDER, SUCCEEDED, ratio, share
from router.observe import families as f


def endings() -> list[AnyPanel]:
    """Build the row's panels."""
    attempts = OFFERING.judged_rate("provider")
    failed = OFFERING.rate(f.ATTEMPTS, "provider, stage", FAILED)
    return [
        over_time(
            Text(
                "Attempts that gave a video",
                "Share of each provider's attempts. What another provider made up for afterwards still counts here, and"
                " what was left behind, overtaken or cancelled, does not.",
                "No attempt ended.",
            ),
            {"{{provider}}": ratio(OFFERING.rate(f.ATTEMPTS, "provider", SUCCEEDED), attempts)},
            units.PercentUnit,
            interval=JOBS_INTERVAL,
            width=8,
        ),
        over_time(
            Text(
                "Attempts that failed, by stage",
                "Share of each provider's attempts, by the stage that they failed in.",
                "No attempt failed.",
            ),
            {"{{provider}} {{stage}}": share(failed, attempts, "stage")},
            units.PercentUnit,
            interval=JOBS_INTERVAL,
            width=8,
        ),
        over_time(
            Text(
                "Exchange errors",
                "Share of HTTP exchanges that said nothing of a job: an error, never sent, or no answer.",
                "No exchange took place.",
            ),
            {
                "{{provider}} {{operation}}": ratio(
                    PROVIDER.rate(f.EXCHANGES, "provider, operation", 'result!="ok"'),
                    PROVIDER.rate(f.EXCHANGES, "provider, operation"),
                )
            },
            units.PercentUnit,
            width=8,
        ),
    ]
