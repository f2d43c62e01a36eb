"""Alerts on routers that cannot be seen: without them silence would look like health."""

from typing import Final

from grafana.rules.pace import Pace
from grafana.rules.rule import Alert, Dashboard, Group, Severity, Words

# Prometheus makes `up` of every target itself, and a Python process its start time.
UP: Final = 'up{job=~"video-router.*"}'
STARTED: Final = 'process_start_time_seconds{job=~"video-router.*"}'
BUILD_INFO: Final = "video_router_build_info"


def alerts(pace: Pace) -> list[Group]:
    return [Group("video-router-targets-alerts", [_down(pace), _instance_down(pace), _absent(pace), _restarts(pace)])]


def _down(pace: Pace) -> Alert:
    words = Words(
        "No router of {{ $labels.job }} answers.",
        "Prometheus has reached none of its admin listeners for minutes. Callers most likely get no answer either,"
        " and jobs that are under way are not polled.",
        Dashboard.OVERVIEW,
    )
    return Alert("RouterDown", Severity.PAGE, f"max by (job) ({UP}) == 0", words, pace("2m"))


def _instance_down(pace: Pace) -> Alert:
    words = Words(
        "The router {{ $labels.instance }} of {{ $labels.job }} does not answer; others do.",
        "Prometheus cannot reach its admin listener. Its jobs wait until it is back: nobody else polls them.",
        Dashboard.OVERVIEW,
    )
    expression = f"{UP} == 0\nunless on (job)\nmax by (job) ({UP}) == 0"
    return Alert("RouterInstanceDown", Severity.TICKET, expression, words, pace("5m"))


def _absent(pace: Pace) -> Alert:
    words = Words(
        "Prometheus has no metrics of any router: every other alert is blind.",
        "No target is down, but none gives the router's metrics. Either no router is among the targets any more, or"
        " something else answers at their address.",
        Dashboard.OVERVIEW,
    )
    expression = f"absent({BUILD_INFO})\nunless on ()\nmax({UP}) == 0"
    return Alert("RouterMetricsAbsent", Severity.PAGE, expression, words, pace("10m"))


def _restarts(pace: Pace) -> Alert:
    words = Words(
        "The router {{ $labels.instance }} was started {{ $value }} times within an hour.",
        "Each start interrupts submits under way, and one whose answer is lost may have been bought.",
        Dashboard.INTERNALS,
    )
    return Alert("RouterRestarts", Severity.TICKET, f"changes({STARTED}[{pace('1h')}]) >= 3", words, keep=pace("15m"))
