"""The two promises to callers, and alerts on how fast their error budgets burn, by windows of two lengths."""

from dataclasses import dataclass
from typing import Final

from grafana.rules.pace import Pace
from grafana.rules.promql import increase, ratio
from grafana.rules.rule import Alert, Dashboard, Group, Record, Severity, Words
from router.observe import families as f

# With fewer misses than these in the long window nobody is told: one failure of three is no trend.
MISSES_MIN: Final = 5


@dataclass(frozen=True, slots=True)
class Objective:
    """A share of jobs that is promised over 30 days. `missed` names the jobs that break the promise."""

    alert: str
    missed: str
    promised: float
    summary: str
    description: str
    dashboard: Dashboard

    def ratio_record(self, window: str) -> str:
        return f"job:video_router_jobs_{self.missed}:ratio_increase{window}"

    def count_record(self, window: str) -> str:
        return f"job:video_router_jobs_{self.missed}:increase{window}"


@dataclass(frozen=True, slots=True)
class Burn:
    """Tell when the budget burns `factor` times as fast as it may, over both windows: the short one ends the alert."""

    severity: Severity
    factor: float
    long: str
    short: str
    wait: str
    keep: str


DELIVERED: Final = Objective(
    "DeliveredShareLow",
    "undelivered",
    0.99,
    "{share} of the jobs of {job} ended without a video in {window}; 1% may.",
    "Callers got an error instead of a video after every failover that their jobs were allowed. Refused requests and"
    " cancelled jobs are not counted.",
    Dashboard.FAILURES,
)
ON_TIME: Final = Objective(
    "OnTimeShareLow",
    "late",
    0.95,
    "{share} of the jobs of {job} had no video in time in {window}; 5% may.",
    "A job is on time when its video is there within the time of its duration class (`reporting.on_time_s`); jobs"
    " without any video are late, too. Refused requests and cancelled jobs are not counted.",
    Dashboard.OVERVIEW,
)
OBJECTIVES: Final = (DELIVERED, ON_TIME)
# The windows and factors of the SRE workbook for 30 days: 2 %, 5 %, 10 % and 10 % of the budget.
BURNS: Final = (
    Burn(Severity.PAGE, 14.4, "1h", "5m", "2m", "10m"),
    Burn(Severity.PAGE, 6.0, "6h", "30m", "5m", "30m"),
    Burn(Severity.TICKET, 3.0, "1d", "2h", "15m", "1h"),
    Burn(Severity.TICKET, 1.0, "3d", "6h", "30m", "1h"),
)
SHORT_WINDOWS: Final = ("5m", "30m", "1h")
LONG_WINDOWS: Final = ("2h", "6h", "1d", "3d")


def recordings(pace: Pace) -> list[Group]:
    """Build the recordings of all windows; long ones move slowly and are taken each minute."""
    return [
        Group("video-router-promises", [record for window in SHORT_WINDOWS for record in _records(window, pace)]),
        Group(
            "video-router-promises-long",
            [record for window in LONG_WINDOWS for record in _records(window, pace)],
            pace("1m"),
        ),
    ]


def alerts(pace: Pace) -> list[Group]:
    """Build four alerts for each promise."""
    burning = [_burning(objective, burn, pace) for objective in OBJECTIVES for burn in BURNS]
    return [Group("video-router-promises-alerts", burning)]


def _records(window: str, pace: Pace) -> list[Record]:
    # Every series of these three is there from the start. Those of failures appear with their first failure, which
    # `increase` cannot see: so jobs that failed are those that count, less those that succeeded.
    counted = increase(f.JOBS_ON_TIME, "job", pace(window))
    succeeded = increase(f.JOBS_FINISHED, "job", pace(window), 'outcome="succeeded"')
    late = increase(f.JOBS_ON_TIME, "job", pace(window), 'on_time="false"')
    counted_record = f"job:video_router_jobs_counted:increase{window}"
    return [
        Record(counted_record, counted),
        Record(DELIVERED.count_record(window), f"clamp_min({counted_record} - {succeeded}, 0)"),
        Record(ON_TIME.count_record(window), late),
        *(
            Record(each.ratio_record(window), ratio(each.count_record(window), counted_record).replace("\n", " "))
            for each in OBJECTIVES
        ),
    ]


def _burning(objective: Objective, burn: Burn, pace: Pace) -> Alert:
    bound = f"{burn.factor:g} * {1 - objective.promised:.2f}"
    # Counts are extrapolated and no whole numbers.
    expression = (
        f"{objective.ratio_record(burn.long)} > {bound}\n"
        f"and\n{objective.ratio_record(burn.short)} > {bound}\n"
        f"and\n{objective.count_record(burn.long)} > {MISSES_MIN - 0.5}"
    )
    filled = {"share": "{{ $value | humanizePercentage }}", "job": "{{ $labels.job }}", "window": burn.long}
    budget = f"At this pace the budget of 30 days is used up in {30 * 24 / burn.factor:.0f} hours."
    return Alert(
        objective.alert,
        burn.severity,
        expression,
        Words(objective.summary.format(**filled), f"{objective.description} {budget}", objective.dashboard),
        pace(burn.wait),
        pace(burn.keep),
        {"window": burn.long},
    )
