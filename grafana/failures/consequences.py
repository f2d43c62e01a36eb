"""The row "What did the router do about it?": failovers, and submits whose answer was lost."""

from grafana_foundation_sdk.models import units

from grafana.panels import JOBS_INTERVAL, AnyPanel, Text, figure, over_time
from grafana.pictures import breakers
from grafana.promql import PROVIDER, RANGE, hourly
from grafana.tables import Column, columns
from router.observe import families as f


def consequences() -> list[AnyPanel]:
    """Build the row's panels."""
    return [*_failovers(), *_uncertain(), breakers(PROVIDER, width=24)]


def _failovers() -> list[AnyPanel]:
    keys = {"from_provider": "From", "to_provider": "To", "stage": "Stage"}
    by = ", ".join(keys)
    return [
        columns(
            Text(
                "Failovers from and to",
                "Jobs in this range that left a provider for another one, and the stage where the first had failed.",
                "No job failed over.",
            ),
            keys,
            [Column("Jobs", f"{PROVIDER.increase(f.FAILOVERS, by, window=RANGE)} > 0", units.Short)],
            sort_by="Jobs",
            width=10,
        ),
        over_time(
            Text(
                "Failovers, per hour",
                "The same over time. Failovers that stop while failures go on: nobody is left to go to.",
                "No job failed over.",
            ),
            {"{{from_provider}} to {{to_provider}} at {{stage}}": hourly(PROVIDER.rate(f.FAILOVERS, by))},
            units.Short,
            stacked=True,
            interval=JOBS_INTERVAL,
            width=8,
        ),
        over_time(
            Text(
                "Failovers that waited, per hour",
                "Failovers that found the retry budget (routing.retry_budget) empty and waited for their turn, by the"
                " provider that they left. Its outage shall not become everybody's load.",
                "No provider is known.",
            ),
            {"{{from_provider}}": hourly(PROVIDER.rate(f.FAILOVERS_DELAYED, "from_provider"))},
            units.Short,
            interval=JOBS_INTERVAL,
            width=6,
        ),
    ]


def _uncertain() -> list[AnyPanel]:
    by = "provider, resolution"
    return [
        figure(
            Text(
                "Ambiguous submits",
                "Submits in this range that were sent and whose answer was lost. Found: the provider lists it, and it"
                " went on; absent: it was never taken on. Held: the job ended without knowing; failed over: the video"
                " was bought elsewhere, perhaps a second time.",
                "No answer was lost.",
            ),
            {"{{provider}} {{resolution}}": f"{PROVIDER.increase(f.AMBIGUOUS_SUBMITS, by, window=RANGE)} > 0"},
            units.Short,
            decimals=0,
            width=12,
        ),
        figure(
            Text(
                "Uncertain attempts that became known",
                "What uncertain attempts turned out to be in this range, by a poll or through an operator. Adopted:"
                " delivered after all; duplicate: paid for a video nobody needs any more; voided: never billed.",
                "None became known.",
            ),
            {"{{provider}} {{resolution}}": f"{PROVIDER.increase(f.UNCERTAIN_SETTLED, by, window=RANGE)} > 0"},
            units.Short,
            decimals=0,
            width=12,
        ),
    ]
