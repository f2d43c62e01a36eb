"""What the ledger says of one job, read from a router's file as it is at one moment."""

from pathlib import Path

from sqlalchemy import Connection, or_, select

from router.core.books import BookedEntry
from router.engine.store.schema import ledger_entries
from router.engine.store.snapshot import snapshot


def read_entries(path: Path, id_: str) -> list[BookedEntry]:
    """Read the entries of a job, or of one attempt, in the order in which they were written; none if it has none.

    Changes nothing. Raises StoreUnavailableError for a file that cannot be read, StoreVersionError for one of another
    version.
    """
    with snapshot(path) as reading:
        return entries_of(reading, id_)


def entries_of(reading: Connection, id_: str) -> list[BookedEntry]:
    """Read the same of a file that is open."""
    query = (
        select(*(ledger_entries.c[name] for name in BookedEntry._fields))
        .where(or_(ledger_entries.c.job_id == id_, ledger_entries.c.attempt_id == id_))
        .order_by(ledger_entries.c.sequence)
    )
    return [BookedEntry(*row) for row in reading.execute(query)]
