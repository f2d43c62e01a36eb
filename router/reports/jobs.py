"""Which way each job went: who was asked in which order, where they failed, and what it took and cost."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from providers.canonical import Reason, Stage
from router.core.job import AttemptState, JobState
from router.core.ledger import CostKind
from router.core.report import ReportRow


@dataclass(frozen=True, slots=True)
class Step:
    """One attempt on a job's way; `stage` and `reason` are None unless it failed. Times are wall seconds."""

    id: str
    provider: str
    offering: str
    state: AttemptState
    seconds: int
    submitted_at: float
    stage: Stage | None
    reason: Reason | None
    posted_microusd: int
    uncertain_microusd: int


@dataclass(frozen=True, slots=True)
class JobSummary:
    """One job with its attempts in order. `duration_s` is None while the job runs; `wasted` is part of `posted`."""

    id: str
    caller: str
    created_at: float
    model: str
    size: str
    seconds: int
    state: JobState
    duration_s: float | None
    posted_microusd: int
    wasted_microusd: int
    uncertain_microusd: int
    route: tuple[Step, ...]


def job_summaries(rows: Iterable[ReportRow]) -> list[JobSummary]:
    """Put the attempts of each job together, given in the order of their jobs. A job never attempted has none."""
    return [_summary(list(attempts)) for _, attempts in groupby(rows, key=lambda row: row.job_id)]


def _summary(rows: Sequence[ReportRow]) -> JobSummary:
    first, route = rows[0], tuple(map(_step, sorted(rows, key=lambda row: row.number)))
    ended_at = first.job_ended_at
    return JobSummary(
        id=first.job_id,
        caller=first.caller,
        created_at=first.job_created_at,
        model=first.model,
        size=str(first.size),
        seconds=first.job_seconds,
        state=first.job_state,
        duration_s=None if ended_at is None else ended_at - first.job_created_at,
        posted_microusd=sum(step.posted_microusd for step in route),
        wasted_microusd=sum(row.posted_microusd for row in rows if row.cost_kind is not CostKind.DELIVERED),
        uncertain_microusd=sum(step.uncertain_microusd for step in route),
        route=route,
    )


def _step(row: ReportRow) -> Step:
    return Step(
        id=row.attempt_id,
        provider=row.provider,
        offering=row.offering_id,
        state=row.state,
        seconds=row.seconds,
        submitted_at=row.submitted_at,
        stage=row.stage,
        reason=row.reason,
        posted_microusd=row.posted_microusd,
        uncertain_microusd=0 if row.state is AttemptState.RUNNING else row.open_microusd,
    )
