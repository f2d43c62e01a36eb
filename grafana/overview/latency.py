"""The row "How long do callers wait?": delivered jobs, and what of their time was the router's own."""

from grafana_foundation_sdk.models import units

from grafana.panels import JOBS_INTERVAL, AnyPanel, Text, over_time
from grafana.promql import ROUTER
from router.observe import families as f


def latency() -> list[AnyPanel]:
    """Build the row's panels."""
    return [
        _within(0.5, "p50", "Half of the delivered jobs were faster."),
        _within(0.9, "p90", "One delivered job in ten took longer."),
        _within(0.99, "p99", "One delivered job in a hundred took longer."),
        over_time(
            Text(
                "Time without a provider at work",
                "Of a delivered job, when none of its attempts was under way: the router's own time, and waiting for"
                " providers that are full or ejected.",
                "No job was delivered.",
            ),
            {
                "p50": ROUTER.quantile(0.5, f.JOB_OVERHEAD, ""),
                "p90": ROUTER.quantile(0.9, f.JOB_OVERHEAD, ""),
                "p99": ROUTER.quantile(0.99, f.JOB_OVERHEAD, ""),
            },
            units.Seconds,
            interval=JOBS_INTERVAL,
            width=6,
        ),
    ]


def _within(share: float, name: str, reading: str) -> AnyPanel:
    return over_time(
        Text(
            f"Time to a video, {name}",
            f"{reading} From acceptance to a video that can be fetched: short is up to 12 s of video, long is more, hd"
            " is over 1280 pixels. A dot leads to a trace.",
            "No job was delivered.",
        ),
        {"{{duration_class}}": ROUTER.quantile(share, f.JOB_DURATION, "duration_class")},
        units.Seconds,
        interval=JOBS_INTERVAL,
        width=6,
    )
