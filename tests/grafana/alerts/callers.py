"""What callers meet at the front door."""

from tests.grafana.alerts.timeline import (
    JOB,
    RESET,
    Firing,
    Timeline,
    counter,
    few,
    fires,
    page,
    quiet,
    recovers,
    reset,
    series,
    ticket,
)

FAIL, TURNED_AWAY, SLOW = "CreatesFail", "CreatesTurnedAway", "CreatesSlow"
_CALLERS = {"job": JOB}


def _answered(code: str, method: str = "POST") -> str:
    return series("http_requests_total", route="/v1/videos", method=method, code=code)


def _within(le: str) -> str:
    return series("http_request_duration_seconds_bucket", route="/v1/videos", le=le)


_COUNT = series("http_request_duration_seconds_count", route="/v1/videos")


def _failing(share: str) -> Firing:
    return page(_CALLERS, f"{share} of the creates at video-router fail with an error of the router.")


def _away(share: str) -> Firing:
    return page(_CALLERS, f"{share} of the creates at video-router are turned away with a 503.")


def _slowly(share: str) -> Firing:
    return ticket(_CALLERS, f"{share} of the requests to /v1/videos at video-router take over a second.")


TIMELINES = [
    Timeline(
        "creates are answered, a few of them badly, and callers list what does not exist",
        {
            _answered("200"): counter((50, 60)),
            _answered("500"): counter((4, 60)),
            _answered("503"): counter((7, 60)),
            _answered("400"): counter((39, 60)),
            _answered("500", "GET"): counter((50, 60)),
            _answered("503", "GET"): counter((50, 60)),
        },
        [quiet(FAIL, 60), quiet(TURNED_AWAY, 60)],
    ),
    Timeline(
        "one create of twelve fails, then none",
        {_answered("200"): counter((9.2, 90)), _answered("500"): counter((0, 10), (0.8, 30), (0, 50))},
        [
            quiet(FAIL, 18),
            fires(FAIL, 30, _failing("8%")),
            fires(FAIL, 50, _failing("5.738%")),
            recovers(FAIL, 56),
        ],
    ),
    Timeline(
        "three creates of twenty are turned away, then none",
        {_answered("200"): counter((8.5, 90)), _answered("503"): counter((0, 10), (1.5, 30), (0, 50))},
        [
            quiet(TURNED_AWAY, 20),
            fires(TURNED_AWAY, 30, _away("15%")),
            fires(TURNED_AWAY, 50, _away("10.99%")),
            recovers(TURNED_AWAY, 56),
        ],
    ),
    Timeline(
        "the first answers of their kind make series that were not there before",
        {
            _answered("200"): counter((8, 40)),
            _answered("500"): f"{'_ ' * 10}{counter((2, 30), start=2)}",
            _answered("503"): f"{'_ ' * 10}{counter((10, 30), start=10)}",
        },
        [fires(FAIL, 30, _failing("10%")), fires(TURNED_AWAY, 30, _away("50%"))],
    ),
    Timeline(
        "four creates fail and eight are turned away, of thirteen",
        {
            _answered("200"): counter((0, 10), (1, 1), (0, 40)),
            _answered("500"): counter((0, 10), (1, 4), (0, 37)),
            _answered("503"): counter((0, 10), (1, 8), (0, 33)),
        },
        [few(alert, at) for alert in (FAIL, TURNED_AWAY) for at in (16, 20, 24, 30)],
    ),
    Timeline(
        "a restart while all is well",
        {
            _answered("200"): counter((50, 30), RESET, (50, 30)),
            _answered("500"): counter((1, 30), RESET, (0, 30)),
            _answered("503"): counter((1, 30), RESET, (0, 30)),
        },
        [reset(alert, at) for alert in (FAIL, TURNED_AWAY) for at in (32, 38)],
    ),
    Timeline(
        "a restart in the middle of the trouble",
        {_answered("200"): counter((8, 30), RESET, (8, 30)), _answered("500"): counter((2, 30), RESET, (2, 30))},
        [reset(FAIL, 50, _failing("20%"))],
    ),
    Timeline(
        "seven requests of five hundred are slow, then none",
        {_within("1.0"): counter((4.93, 60), (5, 90)), _COUNT: counter((5, 150))},
        [
            quiet(SLOW, 35),
            fires(SLOW, 60, _slowly("1.4%")),
            fires(SLOW, 95, _slowly("1.027%")),
            recovers(SLOW, 102),
        ],
    ),
    Timeline(
        "seven of a thousand are slow, also after a restart",
        {_within("1.0"): counter((19.86, 60), RESET, (19.86, 60)), _COUNT: counter((20, 60), RESET, (20, 60))},
        [quiet(SLOW, 60), reset(SLOW, 70), reset(SLOW, 120)],
    ),
    Timeline(
        "half of the few requests are slow",
        {_within("1.0"): counter((1.3, 120)), _COUNT: counter((2.6, 120))},
        [few(SLOW, 60), few(SLOW, 120)],
    ),
]
