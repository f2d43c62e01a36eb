"""A router's file as it is at one moment, for whoever only reads, whether the router runs or not."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, StaticPool, create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from router.engine.store.errors import StoreUnavailableError, StoreVersionError
from router.engine.store.file import connect_read_only, revision_of
from router.engine.store.revision import REVISION

_BUSY_TIMEOUT_S: Final = 5.0


@contextmanager
def snapshot(path: Path) -> Iterator[Connection]:
    """Open a file for queries that all see the same moment; nothing in it changes.

    Raises StoreUnavailableError for a file that cannot be read, StoreVersionError for one of another version.
    """
    connection = connect_read_only(path, _BUSY_TIMEOUT_S)
    try:
        _check_revision(connection, path)
        engine = create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool)
        with engine.connect() as reading:
            reading.execute(text("BEGIN"))
            yield reading
    except (sqlite3.Error, SQLAlchemyError) as error:
        raise StoreUnavailableError(f"cannot read {path}: {error}; it must be a router's database file") from error
    finally:
        connection.close()


def _check_revision(connection: sqlite3.Connection, path: Path) -> None:
    revision = revision_of(connection)
    if revision != REVISION:
        raise StoreVersionError(
            f"{path} is at schema revision {revision or 'none'!r}, this program reads {REVISION!r}; read it with the"
            " version that wrote it last, or let this version's router open it once"
        )
