"""The row "Which one is fastest?": whole jobs, then where their time goes."""

from grafana_foundation_sdk.models import units

from grafana.panels import JOBS_INTERVAL, AnyPanel, Text, over_time
from grafana.promql import SUCCEEDED, mean, quantile, total
from router.observe import families as f


def fastest() -> list[AnyPanel]:
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
            {"{{provider}} {{duration_class}}": quantile(0.5, f.JOB_DURATION, by, SUCCEEDED)},
            units.Seconds,
            interval=JOBS_INTERVAL,
        ),
        over_time(
            Text(
                "Job duration, p90",
                "One delivered job in ten took longer. Failovers are part of it: the last provider gets it all.",
                "No job was delivered.",
            ),
            {"{{provider}} {{duration_class}}": quantile(0.9, f.JOB_DURATION, by, SUCCEEDED)},
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
            {"{{provider}} {{stage}}": mean(f.STAGE_DURATION, "provider, stage")},
            units.Seconds,
            interval=JOBS_INTERVAL,
        ),
        over_time(
            Text(
                "Jobs in flight",
                "Jobs whose caller waits, by the provider at work; none is between two attempts.",
                "No job is in flight.",
            ),
            {"{{provider}}": total(f.JOBS_IN_FLIGHT, "provider")},
            units.Short,
            stacked=True,
        ),
        over_time(
            Text(
                "Exchange latency, p90",
                "One HTTP exchange in ten took longer, by what it was for.",
                "No exchange took place.",
            ),
            {"{{provider}} {{operation}}": quantile(0.9, f.EXCHANGE_DURATION, "provider, operation")},
            units.Seconds,
        ),
        over_time(
            Text(
                "Poll lag, p90",
                "How much later than planned polls leave. It rises when the router itself is too busy.",
                "Nothing was polled.",
            ),
            {"{{provider}}": quantile(0.9, f.POLL_LAG, "provider")},
            units.Seconds,
        ),
    ]
