"""What callers meet at the front door."""

from tests.grafana.alerts.timeline import (
    JOB,
    RESET,
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
_FAILING = page(_CALLERS, "20% of the creates at video-router fail with an error of the router.")
_AWAY = page(_CALLERS, "50% of the creates at video-router are turned away with a 503.")
_SLOWLY = ticket(_CALLERS, "5% of the requests to /v1/videos at video-router take over a second.")

TIMELINES = [
    Timeline(
        "creates are answered, a few of them badly, and callers list what does not exist",
        {
            _answered("200"): counter((50, 60)),
            _answered("500"): counter((1, 60)),
            _answered("503"): counter((1, 60)),
            _answered("400"): counter((50, 60)),
            _answered("500", "GET"): counter((50, 60)),
            _answered("503", "GET"): counter((50, 60)),
        },
        [quiet(FAIL, 60), quiet(TURNED_AWAY, 60)],
    ),
    Timeline(
        "a fifth of the creates fails, then none",
        {_answered("200"): counter((8, 90)), _answered("500"): counter((0, 10), (2, 30), (0, 50))},
        [quiet(FAIL, 10), fires(FAIL, 30, _FAILING), recovers(FAIL, 65)],
    ),
    Timeline(
        "half of the creates are turned away, then none",
        {_answered("200"): counter((4, 90)), _answered("503"): counter((0, 10), (4, 30), (0, 50))},
        [quiet(TURNED_AWAY, 10), fires(TURNED_AWAY, 30, _AWAY), recovers(TURNED_AWAY, 65)],
    ),
    Timeline(
        "the first answers of their kind make series that were not there before",
        {
            _answered("200"): counter((8, 40)),
            _answered("500"): f"{'_ ' * 10}{counter((2, 30), start=2)}",
            _answered("503"): f"{'_ ' * 10}{counter((10, 30), start=10)}",
        },
        [
            fires(FAIL, 30, page(_CALLERS, "10% of the creates at video-router fail with an error of the router.")),
            fires(TURNED_AWAY, 30, _AWAY),
        ],
    ),
    Timeline(
        "three creates, of which two go wrong",
        {
            _answered("200"): counter((0, 10), (1, 1), (0, 40)),
            _answered("500"): counter((0, 11), (1, 1), (0, 39)),
            _answered("503"): counter((0, 12), (1, 1), (0, 38)),
        },
        [few(alert, at) for alert in (FAIL, TURNED_AWAY) for at in (14, 18, 30)],
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
        [reset(FAIL, 50, _FAILING)],
    ),
    Timeline(
        "one request of twenty is slow, then none",
        {_within("1.0"): counter((19, 90), (20, 90)), _COUNT: counter((20, 180))},
        [fires(SLOW, 60, _SLOWLY), recovers(SLOW, 160)],
    ),
    Timeline(
        "requests are quick, also after a restart",
        {_within("1.0"): counter((20, 60), RESET, (20, 60)), _COUNT: counter((20, 60), RESET, (20, 60))},
        [quiet(SLOW, 60), reset(SLOW, 70)],
    ),
    Timeline(
        "the only request of the hour is slow",
        {_within("1.0"): counter((0, 60)), _COUNT: counter((0, 10), (1, 1), (0, 49))},
        [few(SLOW, 30), few(SLOW, 45)],
    ),
]
