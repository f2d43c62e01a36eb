"""What reports read: a router's file as it is at one moment, whether the router runs or not."""

from pathlib import Path
from typing import Any, Final

from sqlalchemy import Row, Select, case, func, select

from providers.canonical import Reason, Size, Stage
from router.core.job import AttemptState, JobState
from router.core.ledger import CostKind, EntryKind
from router.core.report import ReportRow
from router.engine.store.money_columns import joined_money, money, posted_microusd
from router.engine.store.schema import attempts, decisions, jobs
from router.engine.store.snapshot import snapshot

__all__ = ["ReportRow", "read_report"]

# Candidates as `decision_document` writes them: the offering comes first, its model third.
_DOCUMENT: Final = case((func.json_valid(decisions.c.document), decisions.c.document), else_="[]")
_CANDIDATE: Final = func.json_each(_DOCUMENT, "$[7]").table_valued("value", joins_implicitly=True).c.value
_MODEL_MADE: Final = (
    select(func.json_extract(_CANDIDATE, "$[2]"))
    .where(decisions.c.attempt_id == attempts.c.id, func.json_extract(_CANDIDATE, "$[0]") == attempts.c.offering_id)
    .limit(1)
    .scalar_subquery()
)


def read_report(path: Path, since: float | None = None) -> list[ReportRow]:
    """Read one row per attempt submitted at or after `since` (wall seconds), in the order of their jobs.

    Changes nothing. Raises StoreUnavailableError for a file that cannot be read, StoreVersionError for one of another
    version.
    """
    with snapshot(path) as reading:
        return [_report_row(row) for row in reading.execute(_query(since))]


def _query(since: float | None) -> Select[Any]:
    query = (
        select(
            jobs.c.caller,
            jobs.c.model,
            # An attempt from before decisions were kept made what was asked.
            func.coalesce(_MODEL_MADE, jobs.c.model).label("model_made"),
            jobs.c.size,
            jobs.c.seconds.label("job_seconds"),
            jobs.c.state.label("job_state"),
            jobs.c.created_at,
            jobs.c.ended_at.label("job_ended_at"),
            *attempts.c,
            *money(),
        )
        .select_from(joined_money(attempts.join(jobs, jobs.c.id == attempts.c.job_id)))
        .order_by(jobs.c.sequence, attempts.c.number)
    )
    return query if since is None else query.where(attempts.c.submitted_at >= since)


def _cost_kind(row: Row[Any], spent_microusd: int) -> CostKind | None:
    if row.cost_kind is None:
        # What was voided, and turned out to be billed: an adjustment says so.
        return CostKind.FAILED_BILLED if spent_microusd else None
    return CostKind(row.cost_kind)


def _report_row(row: Row[Any]) -> ReportRow:
    spent_microusd = posted_microusd(row)
    return ReportRow(
        job_id=row.job_id,
        caller=row.caller,
        job_state=JobState(row.job_state),
        job_created_at=row.created_at,
        job_ended_at=row.job_ended_at,
        model=row.model,
        model_made=row.model_made,
        size=Size.parse(row.size),
        job_seconds=row.job_seconds,
        attempt_id=row.id,
        number=row.number,
        offering_id=row.offering_id,
        provider=row.provider,
        upstream_model=row.upstream_model,
        seconds=row.seconds,
        state=AttemptState(row.state),
        submitted_at=row.submitted_at,
        accepted_at=row.accepted_at,
        ended_at=row.ended_at,
        stage=Stage(row.stage) if row.stage else None,
        reason=Reason(row.reason) if row.reason else None,
        code=row.code,
        quote_microusd=row.quote_microusd,
        open_microusd=row.open_microusd,
        posted_microusd=spent_microusd,
        cost_kind=_cost_kind(row, spent_microusd),
        voided=row.kind == EntryKind.VOIDED,
    )
