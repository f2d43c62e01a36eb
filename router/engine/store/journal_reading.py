"""The jobs of a router's file as they are recorded, as it is at one moment, job after job and never all at once."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection, Row, Select, select

from providers.canonical import Reason, Size, Stage
from router.core.history import RecordedAttempt, RecordedJob
from router.core.job import AttemptState, JobState
from router.core.spelled_preferences import read_preferences
from router.engine.store.money_columns import joined_money, money, posted_microusd
from router.engine.store.schema import attempts, jobs
from router.engine.store.snapshot import snapshot

_ROWS_AT_ONCE = 500


@contextmanager
def recorded_jobs(path: Path, since: float | None = None) -> Iterator[Iterator[RecordedJob]]:
    """Read the jobs that came at or after `since` (wall seconds), in the order in which they came.

    Changes nothing. Raises StoreUnavailableError for a file that cannot be read, StoreVersionError for one of another
    version.
    """
    with snapshot(path) as reading:
        yield _jobs(reading, since)


def _jobs(reading: Connection, since: float | None) -> Iterator[RecordedJob]:
    found = reading.execution_options(yield_per=_ROWS_AT_ONCE).execute(_query(since))
    for _, rows in groupby(found, key=lambda row: row.job_id):
        yield _recorded(list(rows))


def _query(since: float | None) -> Select[Any]:
    job = (jobs.c.caller, jobs.c.model, jobs.c.size, jobs.c.request, jobs.c.preferences, jobs.c.created_at)
    end = (jobs.c.failure_stage, jobs.c.failure_reason)
    query = (
        select(
            jobs.c.id.label("job_id"),
            jobs.c.seconds.label("job_seconds"),
            jobs.c.state.label("job_state"),
            jobs.c.ended_at.label("job_ended_at"),
            *job,
            *end,
            attempts.c.id.label("attempt_id"),
            *(column for column in attempts.c if column.name not in ("id", "job_id")),
            *money(),
        )
        .select_from(joined_money(jobs.outerjoin(attempts, jobs.c.id == attempts.c.job_id)))
        .order_by(jobs.c.sequence, attempts.c.number)
    )
    return query if since is None else query.where(jobs.c.created_at >= since)


def _recorded(rows: Sequence[Row[Any]]) -> RecordedJob:
    row = rows[0]
    request = orjson.loads(row.request)
    return RecordedJob(
        id=row.job_id,
        caller=row.caller,
        model=row.model,
        size=Size.parse(row.size),
        seconds=row.job_seconds,
        created_at=row.created_at,
        state=JobState(row.job_state),
        images=tuple("url" if "url" in image else "file" for image in request["images"]),
        watermark=request["watermark"],
        preferences=read_preferences(orjson.loads(row.preferences)),
        ended_at=row.job_ended_at,
        stage=Stage(row.failure_stage) if row.failure_stage else None,
        reason=Reason(row.failure_reason) if row.failure_reason else None,
        attempts=tuple(_attempt(each) for each in rows if each.attempt_id is not None),
    )


def _attempt(row: Row[Any]) -> RecordedAttempt:
    return RecordedAttempt(
        number=row.number,
        offering_id=row.offering_id,
        provider=row.provider,
        seconds=row.seconds,
        quote_microusd=row.quote_microusd,
        submitted_at=row.submitted_at,
        state=AttemptState(row.state),
        accepted_at=row.accepted_at,
        ended_at=row.ended_at,
        stage=Stage(row.stage) if row.stage else None,
        reason=Reason(row.reason) if row.reason else None,
        posted_microusd=posted_microusd(row),
        open_microusd=row.open_microusd,
    )
