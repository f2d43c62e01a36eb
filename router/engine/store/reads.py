"""The units of reading: each sees one state of the file."""

import sqlite3
from collections.abc import Iterable
from dataclasses import replace
from itertools import groupby
from operator import itemgetter
from typing import Final

from providers.canonical import Size
from router.core.budget import Booking
from router.core.decision_record import DecisionRecord
from router.core.idempotency import IdempotencyConflictError, IdempotencyKey
from router.core.job import Attempt, Job
from router.core.ledger import LedgerEntry
from router.core.lookup import LostSubmit
from router.core.order import JobPage
from router.engine.store import rows, statements
from router.engine.store.decision_document import read_document

_BEFORE_ALL = 0
_BEHIND_ALL = 2**63 - 1
_ID: Final = itemgetter(0)


def any_job(connection: sqlite3.Connection, job_id: str) -> Job | None:
    """Find a job, deleted or not."""
    row = connection.execute(statements.JOB, {"id": job_id}).fetchone()
    return None if row is None else rows.read_job(row, _attempts(connection, job_id))


def visible_job(connection: sqlite3.Connection, job_id: str) -> Job | None:
    """Find a job that is not deleted."""
    row = connection.execute(statements.VISIBLE_JOB, {"id": job_id}).fetchone()
    return None if row is None else rows.read_job(row, _attempts(connection, job_id))


def job_of_key(connection: sqlite3.Connection, key: IdempotencyKey) -> Job | None:
    """Find the job of a caller's key, deleted or not; IdempotencyConflictError when it was for another request."""
    used = connection.execute(statements.KEY, {"caller": key.caller, "key": key.key}).fetchone()
    if used is None:
        return None
    fingerprint, job_id = used
    job = any_job(connection, job_id)
    if fingerprint != key.fingerprint or job is None:
        raise IdempotencyConflictError(job)
    return job


def stands(connection: sqlite3.Connection, written: Attempt | Job) -> bool:
    """Whether a row is as this write leaves it, to the moment."""
    if isinstance(written, Job):
        job = any_job(connection, written.id)
        return job is not None and (job.state, job.ended_at) == (written.state, written.ended_at)
    return any(replace(each, billed=written.billed) == written for each in _attempts(connection, written.job_id))


def page(connection: sqlite3.Connection, caller: str, limit: int, after: str | None, descending: bool) -> JobPage:
    """List a caller's jobs; a deleted one may still be where the page begins, so that paging goes on while deleting."""
    sequence = _BEHIND_ALL if descending else _BEFORE_ALL
    if after is not None:
        found = connection.execute(statements.SEQUENCE, {"id": after, "caller": caller}).fetchone()
        if found is None:
            raise LookupError(f"no job {after[:64]!r} to begin behind")
        (sequence,) = found
    statement = statements.PAGE_DESCENDING if descending else statements.PAGE_ASCENDING
    asked = {"caller": caller, "sequence": sequence, "limit": limit + 1}
    found_rows = connection.execute(statement, asked).fetchall()
    jobs = tuple(rows.read_job(row, _attempts(connection, row[0])) for row in found_rows[:limit])
    return JobPage(jobs, has_more=len(found_rows) > limit)


def open_jobs(connection: sqlite3.Connection) -> list[Job]:
    """Load every job that has not ended, or whose money is uncertain, in the order of creation."""
    return _jobs(connection.execute(statements.OPEN_JOBS))


def uncertain_jobs(connection: sqlite3.Connection) -> list[Job]:
    """Load every job whose money is uncertain, in the order of creation."""
    return _jobs(connection.execute(statements.UNCERTAIN_JOBS))


def images(connection: sqlite3.Connection, job_id: str) -> dict[int, bytes]:
    """Load the bytes that a job came with, by their place among its images."""
    return dict(connection.execute(statements.IMAGES, {"job_id": job_id}).fetchall())


def entries(connection: sqlite3.Connection, job_id: str) -> tuple[LedgerEntry, ...]:
    """Load a job's ledger entries in the order they were written."""
    return tuple(map(rows.read_entry, connection.execute(statements.ENTRIES, {"job_id": job_id})))


def entries_of(connection: sqlite3.Connection, attempt_id: str) -> tuple[LedgerEntry, ...]:
    """Load an attempt's ledger entries in the order they were written."""
    return tuple(map(rows.read_entry, connection.execute(statements.ENTRIES_OF_ATTEMPT, {"id": attempt_id})))


def bookings(connection: sqlite3.Connection, since: float) -> list[Booking]:
    """Load what attempts submitted at or after `since` take of daily budgets, without the open ones of open jobs."""
    return [Booking(*row) for row in connection.execute(statements.BOOKINGS, {"since": since})]


def ended_attempts(connection: sqlite3.Connection, since: float, limit: int) -> tuple[tuple[Attempt, Size], ...]:
    """Load the latest attempts that ended at or after `since`, the one that ended first before the others."""
    latest = connection.execute(statements.ENDED_ATTEMPTS, {"since": since, "limit": limit}).fetchall()
    return tuple((rows.read_attempt(columns), Size.parse(size)) for *columns, size in reversed(latest))


def decisions(connection: sqlite3.Connection, job_id: str) -> tuple[tuple[str, DecisionRecord], ...]:
    """Load why the attempts of a job went where they went; one that only a newer router can read is left out."""
    found = connection.execute(statements.DECISIONS, {"job_id": job_id})
    read = ((attempt_id, read_document(at, document)) for attempt_id, at, document in found)
    return tuple((attempt_id, record) for attempt_id, record in read if record is not None)


def claimed(connection: sqlite3.Connection, provider: str, remote_ids: Iterable[str]) -> frozenset[str]:
    """Return those of a provider's ids that an attempt has already."""
    return frozenset(each for each in remote_ids if is_taken(connection, provider, each, "", 0.0))


def is_taken(connection: sqlite3.Connection, provider: str, remote_id: str, by_other_than: str, since: float) -> bool:
    """Whether another attempt submitted at or after `since` has this id of the provider."""
    asked = {"provider": provider, "remote_id": remote_id, "id": by_other_than, "since": since}
    return connection.execute(statements.REMOTE_ID, asked).fetchone() is not None


def lost_submits(connection: sqlite3.Connection, attempt: Attempt, until: float) -> dict[str, LostSubmit]:
    """Return the other submits to the same provider, under way or lost, by attempt.

    They went there between as long before it as `until` is after it and `until`.
    """
    since = 2 * attempt.submitted_at - until
    asked: rows.Row = {"since": since, "until": until, "provider": attempt.provider, "id": attempt.id}
    return dict(map(rows.read_lost_submit, connection.execute(statements.LOST_SUBMITS, asked)))


def _jobs(found: Iterable[rows.Fetched]) -> list[Job]:
    """Build jobs of rows that are one for each attempt, or one for a job without any."""
    jobs, width = [], rows.JOB_COLUMNS
    for job_id, of_job in groupby(found, key=_ID):
        its_rows = list(of_job)
        attempts = [rows.read_attempt(row[width:], job_id) for row in its_rows if row[width] is not None]
        jobs.append(rows.read_job(its_rows[0][:width], tuple(attempts)))
    return jobs


def _attempts(connection: sqlite3.Connection, job_id: str) -> tuple[Attempt, ...]:
    found = connection.execute(statements.ATTEMPTS, {"job_id": job_id})
    return tuple(rows.read_attempt(row, job_id) for row in found)
