"""Why the attempts of one job went where they went, read from a router's file as it is at one moment."""

import sqlite3
from pathlib import Path
from typing import cast

from router.core.decision_record import DecisionRecord
from router.engine.store import reads
from router.engine.store.snapshot import snapshot


def read_decisions(path: Path, job_id: str) -> tuple[tuple[str, DecisionRecord], ...]:
    """Read what was decided for a job, by its attempts and in their order, whether a router has the file open or not.

    Changes nothing. Raises StoreUnavailableError for a file that cannot be read, StoreVersionError for one of another
    version.
    """
    with snapshot(path) as reading:
        return reads.decisions(cast("sqlite3.Connection", reading.connection.driver_connection), job_id)
