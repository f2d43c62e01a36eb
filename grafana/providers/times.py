"""The row "Which one is fastest?": whole jobs, then where their time goes."""

from grafana_foundation_sdk.models import units

from grafana.panels import JOBS_INTERVAL, AnyPanel, Text, over_time
from grafana.promql import PROVIDER
from router.observe import families as f


def times() -> list[AnyPanel]:
    """Build the row's panels."""
    return [*_jobs(), *_parts()]


def _jobs() -> list[AnyPanel]:
    by = "provider, duration_class"
    return [
        over_time(
            Text(
                "Job duration, p50",
                "Half of the delivered jobs were faster, from acceptance to a video that can be fetched. Compare within"
                " a class: short is up to 12 s of video, long is more, hd is over 1280 pixels.",
                "No job was delivered.",
            ),
            {"{{provider}} {{duration_class}}": PROVIDER.quantile(0.5, f.JOB_DURATION, by)},
            units.Seconds,
            interval=JOBS_INTERVAL,
        ),
        over_time(
            Text(
                "Job duration, p90",
                "One delivered job in ten took longer. Failovers are part of it: the last provider gets it all.",
                "No job was delivered.",
            ),
            {"{{provider}} {{duration_class}}": PROVIDER.quantile(0.9, f.JOB_DURATION, by)},
            units.Seconds,
            interval=JOBS_INTERVAL,
        ),
    ]


def _parts() -> list[AnyPanel]:
    return [
        over_time(
            Text(
                "Time by stage, mean",
                "Where an attempt's time goes: the submit, the provider's queue, generation, fetching the video.",
                "No attempt ended.",
            ),
            {"{{provider}} {{stage}}": PROVIDER.mean(f.STAGE_DURATION, "provider, stage")},
            units.Seconds,
            interval=JOBS_INTERVAL,
        ),
        over_time(
            Text(
                "Exchange latency, p90",
                "One HTTP exchange in ten took longer, by what it was for.",
                "No exchange took place.",
            ),
            {"{{provider}} {{operation}}": PROVIDER.quantile(0.9, f.EXCHANGE_DURATION, "provider, operation")},
            units.Seconds,
        ),
    ]
