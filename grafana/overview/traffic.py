"""The row "What is under way?": jobs coming, jobs ending, jobs waiting."""

from grafana_foundation_sdk.models import units

from grafana.panels import AnyPanel, Levels, Text, coloured, figure, over_time
from grafana.promql import ROUTER, ratio
from router.observe import families as f

# By who has to act: nobody, we, the caller, an operator.
_OUTCOME_COLOURS = {
    "succeeded": "green",
    "failed": "red",
    "expired": "orange",
    "rejected": "blue",
    "cancelled": "light-blue",
    "unknown": "purple",
}
_FULL = Levels(0.75, 0.95)


def traffic() -> list[AnyPanel]:
    """Build the row's panels."""
    return [*_rates(), *_waiting()]


def _rates() -> list[AnyPanel]:
    return [
        over_time(
            Text(
                "Jobs accepted, per minute",
                "Creates that became durable, by model.",
                "No job was accepted.",
            ),
            {"{{model}}": f"{ROUTER.rate(f.JOBS_ACCEPTED, 'model')} * 60"},
            units.Short,
            stacked=True,
        ),
        coloured(
            over_time(
                Text(
                    "Jobs ended, per minute",
                    "By outcome. Rejected is the caller's input, expired was given up at its deadline, unknown"
                    " waits for an operator's decision.",
                    "No job ended.",
                ),
                {"{{outcome}}": f"{ROUTER.rate(f.JOBS_FINISHED, 'outcome')} * 60"},
                units.Short,
                stacked=True,
            ),
            _OUTCOME_COLOURS,
        ),
    ]


def _waiting() -> list[AnyPanel]:
    in_flight = ROUTER.total(f.JOBS_IN_FLIGHT, "")
    return [
        over_time(
            Text(
                "Jobs in flight",
                "Jobs whose caller waits, by the provider at work; none is between two attempts.",
                "No router tells.",
            ),
            {"{{provider}}": ROUTER.total(f.JOBS_IN_FLIGHT, "provider")},
            units.Short,
            stacked=True,
            width=10,
        ),
        figure(
            Text(
                "Places in use",
                "Jobs in flight against the most that there may be: beyond, creates are turned away.",
                "No limit is known.",
            ),
            {"of all places": ratio(in_flight, ROUTER.total(f.JOBS_IN_FLIGHT_LIMIT, ""))},
            units.PercentUnit,
            decimals=0,
            width=4,
            height=8,
            levels=_FULL,
        ),
        over_time(
            Text(
                "Age of the oldest job",
                "How long its caller has waited, against the time at which a job is given up. A line that climbs at"
                " 45 degrees is a job that hangs.",
                "No job is in flight.",
            ),
            {
                "{{instance}}": ROUTER.age(f.OLDEST_JOB, "instance"),
                "deadline": ROUTER.most(f.JOB_DEADLINE, ""),
            },
            units.Seconds,
            width=10,
        ),
    ]
