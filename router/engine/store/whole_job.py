"""All that is kept of one job, read from a router's file as it is at one moment, whether the router runs or not."""

import sqlite3
from pathlib import Path
from typing import cast

from router.core.job import job_id_of
from router.core.whole_job import WholeJob
from router.engine.store import reads
from router.engine.store.entries import entries_of
from router.engine.store.snapshot import snapshot


def read_whole_job(path: Path, id_: str) -> WholeJob | None:
    """Read a job, deleted or not, by its own id or by an attempt's; None when there is none.

    Changes nothing. Raises StoreUnavailableError for a file that cannot be read, StoreVersionError for one of another
    version.
    """
    with snapshot(path) as reading:
        connection = cast("sqlite3.Connection", reading.connection.driver_connection)
        job = reads.any_job(connection, id_) or reads.any_job(connection, job_id_of(id_))
        if job is None:
            return None
        return WholeJob(job, tuple(entries_of(reading, job.id)), dict(reads.decisions(connection, job.id)))
