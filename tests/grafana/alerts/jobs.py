"""Jobs that come to an end, and jobs that do not."""

from tests.grafana.alerts.timeline import (
    RESET,
    Firing,
    Timeline,
    by_router,
    counter,
    few,
    fires,
    gauge,
    page,
    quiet,
    recovers,
    reset,
    series,
    ticket,
)

OVERDUE, NONE_ENDS, NEAR_LIMIT, LATE_POLLS = "JobsOverdue", "NoJobEnds", "JobsNearLimit", "PollsLate"
_OLDEST, _DEADLINE = series("oldest_job_accepted_timestamp_seconds"), series("job_deadline_seconds")
_IN_FLIGHT, _LIMIT = series("jobs_in_flight", provider="p0"), series("jobs_in_flight_limit")
_WITHIN, _POLLS = series("poll_lag_seconds_bucket", le="5.0"), series("poll_lag_seconds_count")


def _ended(outcome: str, stage: str = "none", reason: str = "none") -> str:
    labels = {"model": "sora-2", "provider": "p0", "outcome": outcome, "stage": stage, "reason": reason}
    return series("jobs_finished_total", **labels)


_DONE, _FAILED = _ended("succeeded"), _ended("failed", "submit", "overloaded")
_STUCK = "A job at a:9091 has been under way for {age}, longer than any may."
_WAITING = page(by_router(), "No job at a:9091 has ended for 30m, and 5 wait.")
_FULL = ticket(by_router(), "a:9091 holds 90% of the jobs that it may.")


def _late(share: str) -> Firing:
    return ticket(by_router(), f"{share} of the polls of a:9091 leave over 5 s late.")


TIMELINES = [
    Timeline(
        "the oldest job is always young",
        {_OLDEST: " ".join(str(60 * max(0, minute - 20)) for minute in range(121)), _DEADLINE: gauge((3600, 121))},
        [quiet(OVERDUE, 120)],
    ),
    Timeline(
        "a job outlives its deadline of an hour, then ends",
        {_OLDEST: gauge((600, 90), (0, 30)), _DEADLINE: gauge((3600, 120))},
        [
            few(OVERDUE, 79),
            quiet(OVERDUE, 82),
            fires(OVERDUE, 85, page(by_router(), _STUCK.format(age="1h 15m 0s"))),
            recovers(OVERDUE, 91),
        ],
    ),
    Timeline("no job was ever there", {_OLDEST: gauge((0, 121)), _DEADLINE: gauge((3600, 121))}, [few(OVERDUE, 120)]),
    Timeline(
        "a restart with a shorter deadline, while jobs of the longer one are under way",
        {_OLDEST: gauge((600, 60)), _DEADLINE: gauge((3600, 30), (600, 30))},
        [reset(OVERDUE, 55)],
    ),
    Timeline(
        "jobs end, and others take their place",
        {_IN_FLIGHT: gauge((5, 121)), _DONE: counter((1, 120)), _LIMIT: gauge((7, 121))},
        [quiet(NONE_ENDS, 120), quiet(NEAR_LIMIT, 120)],
    ),
    Timeline(
        "no job ends any more, until one fails in a way that none had before",
        {_IN_FLIGHT: gauge((5, 121)), _DONE: counter((1, 30), (0, 90)), _FAILED: f"{'_ ' * 90}{gauge((1, 31))}"},
        [quiet(NONE_ENDS, 61), fires(NONE_ENDS, 62, _WAITING), recovers(NONE_ENDS, 91)],
    ),
    Timeline(
        "two jobs take very long",
        {_IN_FLIGHT: gauge((2, 121)), _DONE: counter((0, 120)), _LIMIT: gauge((100, 121))},
        [few(NONE_ENDS, 60), few(NONE_ENDS, 120), few(NEAR_LIMIT, 120)],
    ),
    Timeline(
        "a restart begins to count ended jobs anew",
        {_IN_FLIGHT: gauge((5, 121)), _DONE: counter((1, 60), RESET, (0, 10), (1, 50)), _LIMIT: gauge((6, 121))},
        [reset(NONE_ENDS, 65), reset(NONE_ENDS, 80)],
    ),
    Timeline(
        "the router is nearly full, is restarted, and gets room again",
        {_IN_FLIGHT: gauge((90, 30), (0, 1), (90, 5), (10, 60)), _LIMIT: gauge((100, 96))},
        [quiet(NEAR_LIMIT, 9), fires(NEAR_LIMIT, 10, _FULL), reset(NEAR_LIMIT, 45, _FULL), recovers(NEAR_LIMIT, 47)],
    ),
    Timeline(
        "seven polls of fifty are late, then none",
        {_WITHIN: counter((1.72, 60), (2, 90)), _POLLS: counter((2, 150))},
        [
            quiet(LATE_POLLS, 20),
            fires(LATE_POLLS, 40, _late("14%")),
            fires(LATE_POLLS, 78, _late("10.27%")),
            recovers(LATE_POLLS, 81),
        ],
    ),
    Timeline(
        "one poll of fourteen is late, also after a restart",
        {_WITHIN: counter((13, 60), RESET, (13, 60)), _POLLS: counter((14, 60), RESET, (14, 60))},
        [quiet(LATE_POLLS, 60), reset(LATE_POLLS, 75)],
    ),
    Timeline(
        "fifteen polls are all there are, and all late",
        {_WITHIN: counter((0, 60)), _POLLS: counter((0, 9), (1, 15), (0, 36))},
        [few(LATE_POLLS, at) for at in (22, 24, 30, 35)],
    ),
]
