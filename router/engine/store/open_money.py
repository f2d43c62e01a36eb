"""Which attempts' money is open, read from a router's file as it is at one moment, whether the router runs or not."""

from pathlib import Path
from typing import Any

from sqlalchemy import Row, Select, select, text

from providers.canonical import Reason, Size, Stage
from router.core.job import AttemptState, JobState
from router.core.open_money import OpenAttempt
from router.engine.store.schema import CLOSING_ENTRY, UNCERTAIN_ATTEMPT, attempts, jobs, ledger_entries
from router.engine.store.snapshot import snapshot

_closing = ledger_entries.alias("closing")


def read_open_money(path: Path, *, every: bool = False) -> list[OpenAttempt]:
    """Read the uncertain attempts, the oldest first; with `every`, those under way as well.

    Changes nothing. Raises StoreUnavailableError for a file that cannot be read, StoreVersionError for one of another
    version.
    """
    with snapshot(path) as reading:
        found = [_open_attempt(row) for row in reading.execute(_query(every=every))]
    # An order asked of SQLite would make it read all attempts in that order.
    return sorted(found, key=lambda each: (each.submitted_at, each.id))


def _query(*, every: bool) -> Select[Any]:
    closed = select(_closing.c.attempt_id).where(
        _closing.c.attempt_id == attempts.c.id, text(f"closing.{CLOSING_ENTRY}")
    )
    query = (
        select(
            jobs.c.size,
            jobs.c.state.label("job_state"),
            jobs.c.failure_reason,
            *attempts.c,
        )
        .join_from(attempts, jobs, jobs.c.id == attempts.c.job_id)
        .where(~closed.exists())
    )
    return query if every else query.where(text(f"attempts.{UNCERTAIN_ATTEMPT}"))


def _open_attempt(row: Row[Any]) -> OpenAttempt:
    return OpenAttempt(
        id=row.id,
        job_id=row.job_id,
        state=AttemptState(row.state),
        provider=row.provider,
        offering_id=row.offering_id,
        upstream_model=row.upstream_model,
        seconds=row.seconds,
        size=Size.parse(row.size),
        quote_microusd=row.quote_microusd,
        submitted_at=row.submitted_at,
        remote_id=row.remote_id,
        stage=Stage(row.stage) if row.stage else None,
        reason=Reason(row.reason) if row.reason else None,
        code=row.code,
        job_state=JobState(row.job_state),
        job_failure=Reason(row.failure_reason) if row.failure_reason else None,
    )
