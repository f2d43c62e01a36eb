"""Burn rates: which windows tell of which share of misses."""

from collections.abc import Mapping

from tests.grafana.alerts.timeline import (
    JOB,
    RESET,
    Check,
    Firing,
    Kind,
    Timeline,
    counter,
    page,
    series,
    ticket,
)

WINDOWS = ("1h", "6h", "1d", "3d")
DELIVERED, ON_TIME = "DeliveredShareLow", "OnTimeShareLow"
_SUMMARIES = {
    DELIVERED: "{share} of the jobs of video-router ended without a video in {window}; 1% may.",
    ON_TIME: "{share} of the jobs of video-router had no video in time in {window}; 5% may.",
}


def jobs(in_time: str, late: str, succeeded: str) -> dict[str, str]:
    """The series of jobs that count, and of those that were delivered."""
    done = {"model": "sora-2", "provider": "p0", "outcome": "succeeded", "stage": "none", "reason": "none"}
    return {
        series("jobs_on_time_total", duration_class="short", on_time="true"): in_time,
        series("jobs_on_time_total", duration_class="short", on_time="false"): late,
        series("jobs_finished_total", **done): succeeded,
    }


def firing(alert: str, shares: Mapping[str, str]) -> tuple[Firing, ...]:
    """What fires, by window."""
    return tuple(
        (page if window in ("1h", "6h") else ticket)(
            {"job": JOB, "window": window}, _SUMMARIES[alert].format(share=share, window=window)
        )
        for window, share in shares.items()
    )


def _check(kind: Kind, alert: str, step: int, shares: Mapping[str, str] | None = None) -> Check:
    told = shares or {}
    windows = tuple(told) if kind is Kind.FIRES else WINDOWS
    return Check(kind, alert, step, firing(alert, told), windows)


def _steady(alert: str, says: str, ok: int, missed: int, step_m: int, shares: Mapping[str, str]) -> Timeline:
    """The same share of misses until every ticket that it is worth has waited long enough."""
    steps = 45 if step_m == 1 else 16
    in_time, late = counter((ok, steps)), counter((missed, steps))
    succeeded = counter((ok + (0 if alert == DELIVERED else missed), steps))
    return Timeline(
        f"{alert}: {says}", jobs(in_time, late, succeeded), [_check(Kind.FIRES, alert, steps, shares)], step_m
    )


STEADY = [
    _steady(DELIVERED, "a fifth fails, which wakes somebody at once", 8, 2, 1, dict.fromkeys(WINDOWS, "20%")),
    _steady(DELIVERED, "a tenth fails, which wakes somebody too", 9, 1, 5, dict.fromkeys(WINDOWS[1:], "10%")),
    _steady(DELIVERED, "one in 25 fails, which is a ticket", 24, 1, 15, dict.fromkeys(WINDOWS[2:], "4%")),
    _steady(DELIVERED, "one in 50 fails, which is a ticket in time", 49, 1, 30, dict.fromkeys(WINDOWS[3:], "2%")),
    _steady(ON_TIME, "three of four are late", 2, 6, 1, dict.fromkeys(WINDOWS, "75%")),
    _steady(ON_TIME, "two of five are late", 6, 4, 5, dict.fromkeys(WINDOWS[1:], "40%")),
    _steady(ON_TIME, "a fifth is late", 8, 2, 15, dict.fromkeys(WINDOWS[2:], "20%")),
    _steady(ON_TIME, "one of 15 is late", 14, 1, 30, dict.fromkeys(WINDOWS[3:], "6.667%")),
]
QUIET = [
    Timeline(
        "promises are kept when one of 200 fails",
        jobs(counter((199, 100)), counter((1, 100)), counter((199, 100))),
        [_check(Kind.QUIET, alert, at) for alert in _SUMMARIES for at in (20, 100)],
        30,
    ),
    Timeline(
        "one failure of three jobs tells nobody",
        jobs(counter((0, 30), (1, 2), (0, 40)), counter((0, 32), (1, 1), (0, 39)), counter((0, 30), (1, 2), (0, 40))),
        [_check(Kind.FEW, alert, at) for alert in _SUMMARIES for at in (34, 36, 45, 72)],
    ),
    Timeline(
        "four failures of four jobs tell nobody yet",
        jobs(counter((0, 70)), counter((0, 30), (1, 4), (0, 36)), counter((0, 70))),
        [_check(Kind.FEW, alert, at) for alert in _SUMMARIES for at in (35, 40, 70)],
    ),
    Timeline(
        "a restart is no failure",
        jobs(counter((10, 40), RESET, (10, 35)), counter((0, 40), RESET, (0, 35)), counter((10, 40), RESET, (10, 35))),
        [_check(Kind.RESET, alert, at) for alert in _SUMMARIES for at in (41, 43, 46, 75)],
    ),
]
BROKEN = [
    Timeline(
        "a restart does not hide that a fifth fails",
        jobs(counter((8, 20), RESET, (8, 40)), counter((2, 20), RESET, (2, 40)), counter((8, 20), RESET, (8, 40))),
        [_check(Kind.RESET, DELIVERED, 60, dict.fromkeys(WINDOWS, "20%"))],
    ),
    Timeline(
        "five failures are enough where all fail",
        jobs(counter((0, 60)), counter((0, 30), (1, 6), (0, 24)), counter((0, 60))),
        [_check(Kind.FIRES, alert, 38, {"1h": "100%"}) for alert in _SUMMARIES],
    ),
    Timeline(
        "after an hour of healthy jobs a quarter of an hour's fail: the page comes first, and ends first",
        jobs(
            counter((1, 60), (0, 15), (1, 425)),
            counter((0, 60), (1, 15), (0, 425)),
            counter((1, 60), (0, 15), (1, 425)),
        ),
        [
            Check(Kind.QUIET, DELIVERED, 60, (), WINDOWS),
            Check(Kind.QUIET, DELIVERED, 69, (), WINDOWS),
            _check(Kind.FIRES, DELIVERED, 72, {"1h": "20%", "6h": "16.67%"}),
            _check(Kind.FIRES, DELIVERED, 79, {"1h": "25%", "6h": "18.99%"}),
            _check(Kind.FIRES, DELIVERED, 85, {"1h": "25%", "6h": "17.65%", "1d": "17.65%"}),
            _check(Kind.FIRES, DELIVERED, 94, {"6h": "15.96%", "1d": "15.96%"}),
            _check(Kind.FIRES, DELIVERED, 97, {"6h": "15.46%", "1d": "15.46%", "3d": "15.46%"}),
            _check(Kind.FIRES, DELIVERED, 130, {"6h": "14.56%", "1d": "11.54%", "3d": "11.54%"}),
            _check(Kind.FIRES, DELIVERED, 135, {"1d": "11.11%", "3d": "11.11%"}),
            _check(Kind.FIRES, DELIVERED, 245, {"1d": "7.853%", "3d": "6.122%"}),
            _check(Kind.FIRES, DELIVERED, 255, {"3d": "5.882%"}),
            _check(Kind.FIRES, DELIVERED, 485, {"3d": "3.48%"}),
            _check(Kind.RECOVERS, DELIVERED, 495),
        ],
    ),
    Timeline(
        "two hours in which all are late are over: first the pages end, then the tickets",
        jobs(counter((10, 24), (0, 24), (10, 160)), counter((0, 24), (10, 24), (0, 160)), counter((10, 208))),
        [
            Check(Kind.QUIET, ON_TIME, 24, (), WINDOWS),
            _check(Kind.FIRES, ON_TIME, 45, dict.fromkeys(WINDOWS[1:], "46.67%") | {"1h": "100%"}),
            _check(Kind.FIRES, ON_TIME, 62, dict.fromkeys(WINDOWS[2:], "38.71%")),
            _check(Kind.RECOVERS, ON_TIME, 160),
            *(Check(Kind.QUIET, DELIVERED, at, (), WINDOWS) for at in (45, 160)),
        ],
        5,
    ),
]
TIMELINES = [*STEADY, *QUIET, *BROKEN]
