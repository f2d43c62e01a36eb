"""The write that every create waits for before its submit, as a unit that is written with others of its kind."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from router.core.decision_record import DecisionRecord
from router.core.job import Attempt, Job
from router.core.ledger import LedgerEntry
from router.engine.store import batch, rows, statements, writes
from router.engine.store.lane import Batched


@dataclass(slots=True)
class Start(Batched):
    """A job that no key stands for, with the intent of its first submit."""

    job: Job
    attempt: Attempt
    entry: LedgerEntry
    decision: DecisionRecord | None

    def __call__(self, connection: sqlite3.Connection) -> None:
        """Write it alone."""
        writes.add_started(connection, self.job, self.attempt, self.entry, self.decision, None)

    @classmethod
    def write(cls, connection: sqlite3.Connection, units: Sequence["Start"]) -> None:
        """Insert all jobs, then all that is of them."""
        for each in units:
            writes.check_start(each.job, each.attempt, each.entry)
        batch.insert(connection, statements.INSERT_JOB, [rows.job_row(each.job) for each in units])
        images = [row for each in units if each.job.video.images for row in rows.image_rows(each.job)]
        connection.executemany(statements.INSERT_IMAGE, images)
        batch.insert(connection, statements.INSERT_ATTEMPT, [rows.attempt_row(each.attempt) for each in units])
        batch.insert(connection, statements.INSERT_ENTRY, [rows.entry_row(each.entry) for each in units])
        batch.insert(
            connection,
            statements.INSERT_DECISION,
            [rows.decision_row(each.attempt, each.decision) for each in units if each.decision is not None],
        )
