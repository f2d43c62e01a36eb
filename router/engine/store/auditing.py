"""What an audit reads: everything, as it is at one moment, job after job and never all at once."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Final, cast

from router.core.books import BookedAttempt, BookedEntry, BookedJob, Books
from router.engine.store.snapshot import snapshot

_DAMAGES_MAX: Final = 100
_PRIMARY_CODE: Final = 0xFF
_JOBS: Final = "SELECT id, state, created_at, ended_at FROM jobs ORDER BY id"
_ATTEMPTS: Final = (
    "SELECT id, job_id, number, provider, quote_microusd, state, submitted_at, accepted_at, ended_at, remote_id,"
    " content_type FROM attempts ORDER BY job_id, number"
)
# Sorted by SQLite, in a temporary file where there are many.
_ENTRIES: Final = (
    "SELECT attempt_id, job_id, provider, kind, amount_microusd, at, cost_kind, note FROM ledger_entries"
    " ORDER BY job_id, sequence"
)
_SHARED_REMOTE_IDS: Final = (
    "SELECT provider, count(*), min(id), max(id) FROM attempts WHERE remote_id IS NOT NULL"
    " GROUP BY provider, remote_id HAVING count(*) > 1"
)
_STRAY_KEYS: Final = (
    "SELECT idempotency_keys.job_id FROM idempotency_keys LEFT JOIN jobs ON jobs.id = idempotency_keys.job_id"
    " WHERE jobs.caller IS NOT idempotency_keys.caller"
)


class AuditSource:
    """A file as it is at one moment, and what is to be read of it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def damages(self) -> Iterator[str]:
        """Say what SQLite itself finds wrong: broken pages, indexes that are not as their tables, rows of no parent.

        Not what columns may hold: SQLite does not look at that in a file that it must not write.
        """
        try:
            for (words,) in self._connection.execute(f"PRAGMA integrity_check({_DAMAGES_MAX})"):
                if words != "ok":
                    yield str(words)
            for table, row, parent, _ in self._connection.execute("PRAGMA foreign_key_check"):
                yield f"row {row} of {table} belongs to nothing in {parent}"
        except sqlite3.DatabaseError as error:
            # Where pages are damaged badly enough, the check itself breaks, which is a result as well.
            if error.sqlite_errorcode & _PRIMARY_CODE != sqlite3.SQLITE_CORRUPT:
                raise
            yield str(error)

    def books(self) -> Iterator[Books]:
        """Read every job with its attempts and entries, and those of no job, in the order of the jobs' ids."""
        read = self._connection.execute
        jobs = _Groups((row[0], BookedJob(*row)) for row in read(_JOBS))
        attempts = _Groups((row[1], BookedAttempt(*row)) for row in read(_ATTEMPTS))
        entries = _Groups((row[1], BookedEntry(*row)) for row in read(_ENTRIES))
        while (left := [each.key for each in (jobs, attempts, entries) if each.key is not None]) != []:
            job_id = min(left)
            found = jobs.take(job_id)
            yield Books(job_id, found[0] if found else None, attempts.take(job_id), entries.take(job_id))

    def shared_remote_ids(self) -> Iterator[tuple[str, int, str, str]]:
        """Read which remote ids several attempts have: the provider, how many, and two of them."""
        yield from self._connection.execute(_SHARED_REMOTE_IDS)

    def stray_keys(self) -> Iterator[str]:
        """Read the jobs that idempotency keys of other callers stand for."""
        yield from (row[0] for row in self._connection.execute(_STRAY_KEYS))


class _Groups:
    """Rows that come sorted by a key, taken key by key."""

    def __init__(self, rows: Iterator[tuple[str, Any]]) -> None:
        self._groups = groupby(rows, key=itemgetter(0))
        self.key: str | None = None
        self._group: Iterator[tuple[str, Any]] = iter(())
        self._next()

    def take(self, key: str) -> tuple[Any, ...]:
        """Return the rows of this key, if they are the next ones."""
        if key != self.key:
            return ()
        found = tuple(row for _, row in self._group)
        self._next()
        return found

    def _next(self) -> None:
        self.key, self._group = next(self._groups, (None, iter(())))


@contextmanager
def audit_source(path: Path) -> Iterator[AuditSource]:
    """Look at a file, in use or not, without changing it; raises StoreUnavailableError and StoreVersionError."""
    with snapshot(path) as reading:
        yield AuditSource(cast("sqlite3.Connection", reading.connection.driver_connection))
