"""Routers that answer, do not answer, or are started again and again."""

from tests.grafana.alerts.timeline import (
    JOB,
    Check,
    Timeline,
    by_router,
    few,
    fires,
    gauge,
    gone,
    page,
    quiet,
    recovers,
    reset,
    series,
    ticket,
)

DOWN, INSTANCE, ABSENT, RESTARTS = "RouterDown", "RouterInstanceDown", "RouterMetricsAbsent", "RouterRestarts"
_A, _B = series("up", "a:9091"), series("up", "b:9091")
_INFO = series("build_info", version="1")
_STARTED = series("process_start_time_seconds")
_NO_METRICS = page({}, "Prometheus has no metrics of any router: every other alert is blind.")
_NONE = page({"job": JOB}, "No router of video-router answers.")
_B_DOWN = ticket(by_router("b:9091"), "The router b:9091 of video-router does not answer; others do.")


def _all_quiet(step: int) -> list[Check]:
    return [quiet(alert, step) for alert in (DOWN, INSTANCE, ABSENT, RESTARTS)]


TIMELINES = [
    Timeline(
        "all routers answer",
        {_A: gauge((1, 61)), _B: gauge((1, 61)), _INFO: gauge((1, 61)), _STARTED: gauge((9, 61))},
        _all_quiet(60),
    ),
    Timeline(
        "the only router stops for good, then comes back",
        {_A: gauge((1, 10), (0, 20), (1, 30)), _INFO: f"{gone(gauge((1, 10)), 20)} {gauge((1, 30))}"},
        [fires(DOWN, 15, _NONE), quiet(INSTANCE, 25), quiet(ABSENT, 28), recovers(DOWN, 31), reset(ABSENT, 31)],
    ),
    Timeline(
        "a scrape is missed while a router restarts",
        {_A: gauge((1, 10), (0, 1), (1, 20)), _B: gauge((1, 10), (0, 4), (1, 20)), _INFO: gauge((1, 31))},
        [few(DOWN, 10), few(DOWN, 12), reset(DOWN, 11), few(INSTANCE, 13), reset(INSTANCE, 14), few(ABSENT, 12)],
    ),
    Timeline(
        "one router of two stops, then comes back",
        {_A: gauge((1, 60)), _B: gauge((1, 10), (0, 20), (1, 30))},
        [fires(INSTANCE, 20, _B_DOWN), quiet(DOWN, 20), recovers(INSTANCE, 31)],
    ),
    Timeline(
        "something else answers in the router's place, then the router",
        {_A: gauge((1, 60)), _INFO: f"{'_ ' * 30}{gauge((1, 30))}"},
        [few(ABSENT, 9), fires(ABSENT, 10, _NO_METRICS), quiet(DOWN, 20), recovers(ABSENT, 31)],
    ),
    Timeline("nobody scrapes any router", {}, [fires(ABSENT, 20, _NO_METRICS), few(DOWN, 20), few(INSTANCE, 20)]),
    Timeline(
        "a router is started again and again, then stays up",
        {_STARTED: gauge((0, 20), (1, 2), (2, 2), (3, 2), (4, 100))},
        [
            few(RESTARTS, 21),
            reset(RESTARTS, 23),
            fires(RESTARTS, 26, ticket(by_router(), "The router a:9091 was started 4 times within an hour.")),
            fires(RESTARTS, 95, ticket(by_router(), "The router a:9091 was started 3 times within an hour.")),
            recovers(RESTARTS, 98),
        ],
    ),
]
