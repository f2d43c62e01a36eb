"""Gives a new file the newest schema at once: Alembic and all migrations take as long as the rest of a start."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final

SCRIPT: Final = Path(__file__).with_name("schema.sql")


def create(connection: sqlite3.Connection, is_new: Callable[[], bool]) -> None:
    """Take the write lock, and if the file is still new make all of the schema: on an error, nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        if is_new():
            for statement in SCRIPT.read_text().split("\n\n"):
                connection.execute(statement)
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
