"""The SQLite file behind a store: its connections, and the schema it must have."""

import logging
import os
import sqlite3
from pathlib import Path
from threading import Lock
from typing import Final

from router.engine.store import creation
from router.engine.store.errors import StoreUnavailableError, StoreVersionError
from router.engine.store.revision import REVISION

_LOG: Final = logging.getLogger(__name__)
_OWNER_ONLY: Final = 0o600

# Alembic's context is one for the process.
_MIGRATING: Final = Lock()

MEMORY: Final = Path(":memory:")
"""The path of a database that lives as long as its only connection."""


def connect(path: Path, busy_timeout_s: float) -> sqlite3.Connection:
    """Open for reading and writing, create and migrate where needed.

    Raises StoreUnavailableError, or StoreVersionError for a file that is not this router's to write.
    """
    try:
        if path != MEMORY:
            _create(path)
        connection = sqlite3.connect(path, timeout=busy_timeout_s, isolation_level=None, check_same_thread=False)
        try:
            _prepare(connection, path)
        except BaseException:
            connection.close()
            raise
    except (sqlite3.Error, OSError) as error:
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


def create_private(path: Path) -> bool:
    """Create an empty file that only its owner may read; False when it is there already, raises OSError."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _OWNER_ONLY))
    except FileExistsError:
        return False
    return True


def _create(path: Path) -> None:
    """Create the file before SQLite does, which gives its mode, and that of the log beside it, to everybody.

    An existing one is not even opened: closing it would drop every lock that this process holds on it.
    """
    file = path.resolve(strict=False)
    if not create_private(file) and file.stat().st_mode & 0o077:
        _LOG.warning("%s holds prompts and links, and others on this machine may read it; chmod 600 it", path)


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    stale = _needs_migration(connection, path)
    connection.execute("PRAGMA journal_mode = WAL")
    # A commit has reached the disk before anything that depends on it is sent or answered.
    connection.execute("PRAGMA synchronous = FULL")
    if _is_new(connection):
        creation.create(connection, lambda: _is_new(connection))
    elif stale:
        _migrate(connection, path)
    connection.execute("PRAGMA foreign_keys = ON")


def _is_new(connection: sqlite3.Connection) -> bool:
    return revision_of(connection) is None


def _needs_migration(connection: sqlite3.Connection, path: Path) -> bool:
    revision = revision_of(connection)
    if revision in (None, REVISION):
        return False
    from router.engine.store.migration import knows  # noqa: PLC0415 - half a second that only an old file needs

    if revision == "":
        raise StoreVersionError(
            f"{path} is a database of something else; name a file of the router's own, or a new one"
        )
    if not knows(revision):
        raise StoreVersionError(
            f"{path} was written by a newer router: its schema is at revision {revision!r}, this one knows up to"
            f" {REVISION!r}; install that newer version, or name another file"
        )
    return True


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Ask again under the write lock, so that of two routers that open one old file only one migrates it."""
    from router.engine.store.migration import migrate  # noqa: PLC0415 - as above

    with _MIGRATING:
        migrate(connection, lambda: _needs_migration(connection, path))
