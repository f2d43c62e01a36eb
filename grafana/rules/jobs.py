"""Alerts on jobs that do not come to an end."""

from typing import Final

from grafana.rules.measures import IN_FLIGHT, REPLICA
from grafana.rules.pace import Pace
from grafana.rules.promql import increase, series, share_over
from grafana.rules.rule import Alert, Dashboard, Group, Severity, Words
from router.observe import families as f

GRACE: Final = "10m"
NONE_ENDS_FOR: Final = "30m"
NEAR_LIMIT: Final = 0.8
POLL_LATE_S: Final = 5.0
POLL_LATE_SHARE_MAX: Final = 0.1


def alerts(pace: Pace) -> list[Group]:
    return [Group("video-router-jobs-alerts", [_overdue(pace), _none_ends(pace), _near_limit(pace), _late_polls(pace)])]


def _overdue(pace: Pace) -> Alert:
    words = Words(
        "A job at {{ $labels.instance }} has been under way for {{ $value | humanizeDuration }}, longer than any may.",
        "Every job ends at its deadline (`policy.job_deadline_s`) at the latest; this one did not, so the router itself"
        " is stuck, and its caller waits in vain.",
        Dashboard.INTERNALS,
    )
    # A shorter deadline after a reload is not that of the jobs which are under way.
    deadline = f"max_over_time({series(f.JOB_DEADLINE)}[{pace('1d')}])"
    expression = f"time() - ({series(f.OLDEST_JOB)} > 0)\n> on ({REPLICA})\n{deadline} + {pace.seconds(GRACE)}"
    return Alert("JobsOverdue", Severity.PAGE, expression, words, pace("2m"))


def _none_ends(pace: Pace) -> Alert:
    words = Words(
        f"No job at {{{{ $labels.instance }}}} has ended for {NONE_ENDS_FOR}, and {{{{ $value }}}} wait.",
        "Jobs take minutes, whatever comes of them. Their providers hang, their polls do not get through, or the router"
        " does not drive them any more.",
        Dashboard.OVERVIEW,
    )
    window = pace(NONE_ENDS_FOR)
    ended = f"sum by ({REPLICA}) ({series(f.JOBS_FINISHED)})"
    before = f"sum by ({REPLICA}) ({series(f.JOBS_FINISHED)} offset {window})"
    # Totals are compared because the first failure of a kind makes a new series, of which `increase` sees nothing.
    expression = f"min_over_time({IN_FLIGHT}[{window}]) >= 3\nand\n{ended} == {before}"
    return Alert("NoJobEnds", Severity.PAGE, expression, words, pace("2m"))


def _near_limit(pace: Pace) -> Alert:
    words = Words(
        "{{ $labels.instance }} holds {{ $value | humanizePercentage }} of the jobs that it may.",
        "At 100% further creates are turned away (`server.jobs_live_max`).",
        Dashboard.INTERNALS,
    )
    expression = f"{IN_FLIGHT} / on ({REPLICA}) ({series(f.JOBS_IN_FLIGHT_LIMIT)} > 0)\n> {NEAR_LIMIT}"
    return Alert("JobsNearLimit", Severity.TICKET, expression, words, pace("10m"), pace("10m"))


def _late_polls(pace: Pace) -> Alert:
    within = pace("15m")
    words = Words(
        "{{ $value | humanizePercentage }} of the polls of {{ $labels.instance }} leave over 5 s late.",
        "The router is behind with its own work, so finished videos reach their callers later than they could.",
        Dashboard.INTERNALS,
    )
    expression = f"{share_over(f.POLL_LAG, REPLICA, POLL_LATE_S, within)}\n> {POLL_LATE_SHARE_MAX}\nand\n"
    expression += f"{increase(f.POLL_LAG, REPLICA, within, suffix='_count')} > 20"
    return Alert("PollsLate", Severity.TICKET, expression, words, pace("10m"), pace("15m"))
