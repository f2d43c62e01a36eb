"""The row "How late?": a failure at 90 % of the work costs its caller the whole wait, and often us the whole price."""

from grafana_foundation_sdk.models import units

from grafana.panels import JOBS_INTERVAL, AnyPanel, Levels, Text, over_time
from grafana.pictures import spread
from grafana.promql import INTERVAL, PROVIDER, ratio
from router.observe import families as f

_CLIFF = Levels(0.1, 0.3)


def lateness() -> list[AnyPanel]:
    """Build the row's panels."""
    return [*_durations(), *_progress()]


def _durations() -> list[AnyPanel]:
    durations = PROVIDER.increase(f.FAILED_ATTEMPT_DURATION, "le", window=INTERVAL, suffix="_bucket")
    return [
        spread(
            Text(
                "Time to failure",
                "How many attempts failed how long after their submit. What fails in seconds costs little; a dark band"
                " at minutes is callers who wait for nothing.",
                "No attempt failed.",
            ),
            durations,
            units.Seconds,
        ),
        over_time(
            Text(
                "Time to failure by stage, p90",
                "One failed attempt in ten took longer to fail, by the stage it failed in.",
                "No attempt failed.",
            ),
            {"{{provider}} {{stage}}": PROVIDER.quantile(0.9, f.FAILED_ATTEMPT_DURATION, "provider, stage")},
            units.Seconds,
            interval=JOBS_INTERVAL,
        ),
    ]


def _progress() -> list[AnyPanel]:
    progress = PROVIDER.increase(f.FAILED_ATTEMPT_PROGRESS, "le", window=INTERVAL, suffix="_bucket")
    told = PROVIDER.rate(f.FAILED_ATTEMPT_PROGRESS, "provider", suffix="_count")
    below = PROVIDER.rate(f.FAILED_ATTEMPT_PROGRESS, "provider", 'le="0.75"', suffix="_bucket")
    return [
        spread(
            Text(
                "Progress at failure",
                "How far failed attempts had said they were. A dark band above 90 % is the cliff: videos that were"
                " made, and then refused in output review or lost.",
                "No attempt failed that had told its progress.",
            ),
            progress,
            units.PercentUnit,
        ),
        over_time(
            Text(
                "Failures over the cliff",
                "Share of failed attempts that had said they were past 75 %. Where it is high, review of the input"
                " comes too late: another provider or another prompt costs less than another try.",
                "No attempt failed that had told its progress.",
            ),
            {"{{provider}}": f"1 - {ratio(below, told)}"},
            units.PercentUnit,
            interval=JOBS_INTERVAL,
            levels=_CLIFF,
        ),
    ]
