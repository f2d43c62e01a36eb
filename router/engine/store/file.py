"""The SQLite file behind a store: its connections, and the schema it must have."""

import sqlite3
from pathlib import Path
from threading import Lock
from typing import Final

from router.engine.store.errors import StoreUnavailableError, StoreVersionError
from router.engine.store.schema import REVISION

# Alembic's context is one for the process.
_MIGRATING: Final = Lock()

MEMORY: Final = Path(":memory:")
"""The path of a database that lives as long as its only connection."""


def connect(path: Path, busy_timeout_s: float) -> sqlite3.Connection:
    """Open for reading and writing, create and migrate where needed.

    Raises StoreUnavailableError, or StoreVersionError for a file that is not this router's to write.
    """
    try:
        connection = sqlite3.connect(path, timeout=busy_timeout_s, isolation_level=None, check_same_thread=False)
        try:
            _prepare(connection, path)
        except BaseException:
            connection.close()
            raise
    except sqlite3.Error as error:
        raise StoreUnavailableError(f"cannot open {path}: {error}; it must be a writable SQLite file") from error
    return connection


def connect_read_only(path: Path, busy_timeout_s: float) -> sqlite3.Connection:
    """Open a file that exists; raises StoreUnavailableError when there is none, or it cannot be read."""
    try:
        return sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro",
            uri=True,
            timeout=busy_timeout_s,
            isolation_level=None,
            check_same_thread=False,
        )
    except sqlite3.Error as error:
        raise StoreUnavailableError(f"cannot read {path}: {error}; it must be a router's database file") from error


def revision_of(connection: sqlite3.Connection) -> str | None:
    """Read which migration a file is at; None before the first."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if "alembic_version" not in tables:
        return None if not tables else ""
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return None if row is None else str(row[0])


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    stale = _needs_migration(connection, path)
    connection.execute("PRAGMA journal_mode = WAL")
    # A commit has reached the disk before anything that depends on it is sent or answered.
    connection.execute("PRAGMA synchronous = FULL")
    if stale:
        _migrate(connection, path)
    connection.execute("PRAGMA foreign_keys = ON")


def _needs_migration(connection: sqlite3.Connection, path: Path) -> bool:
    revision = revision_of(connection)
    if revision == REVISION:
        return False
    from router.engine.store.migration import knows  # noqa: PLC0415 - a tenth of a second only a new file needs

    if revision == "":
        raise StoreVersionError(
            f"{path} is a database of something else; name a file of the router's own, or a new one"
        )
    if revision is not None and not knows(revision):
        raise StoreVersionError(
            f"{path} was written by a newer router: its schema is at revision {revision!r}, this one knows up to"
            f" {REVISION!r}; install that newer version, or name another file"
        )
    return True


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Ask again under the write lock, so that of two routers that open one new file only one migrates it."""
    from router.engine.store.migration import migrate  # noqa: PLC0415 - as above

    with _MIGRATING:
        migrate(connection, lambda: _needs_migration(connection, path))
