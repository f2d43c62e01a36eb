"""The row "How long do callers wait?": delivered jobs, and what of their time was the router's own."""

from grafana_foundation_sdk.models import units

from grafana.panels import JOBS_INTERVAL, AnyPanel, Text, over_time
from grafana.promql import ROUTER, ratio
from router.observe import families as f


def latency() -> list[AnyPanel]:
    """Build the row's panels."""
    return [
        _within(0.5, "p50", "Half of the delivered jobs were faster."),
        _within(0.9, "p90", "One delivered job in ten took longer."),
        _within(0.99, "p99", "One delivered job in a hundred took longer."),
        _on_time(),
        _overhead(),
    ]


def _on_time() -> AnyPanel:
    def ended(*matchers: str) -> str:
        return ROUTER.increase(f.JOBS_ON_TIME, "duration_class", *matchers, window="1h")

    return over_time(
        Text(
            "On time by duration class, over the hour before",
            "Share of each class's ended jobs with a video in its time. A class that is late alone has a bound that is"
            " too tight, or providers that are too slow for it.",
            "No job ended.",
        ),
        {"{{duration_class}}": ratio(ended('on_time="true"'), ended())},
        units.PercentUnit,
    )


def _overhead() -> AnyPanel:
    return over_time(
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
    )


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
        width=8,
    )
