"""Brings a file's schema to the newest revision; apart, because loading Alembic takes longer than opening a file."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import StaticPool, create_engine
from sqlalchemy.exc import DBAPIError

SCRIPTS = Path(__file__).with_name("migrations")


def scripts() -> ScriptDirectory:
    """All revisions that this version of the router knows."""
    return ScriptDirectory.from_config(_config())


def knows(revision: str) -> bool:
    """Whether a file of `revision` can be brought to the newest one."""
    try:
        return scripts().get_revision(revision) is not None
    except CommandError:
        return False


def migrate(connection: sqlite3.Connection, needed: Callable[[], bool]) -> None:
    """Take the write lock, and if it is still `needed` run what is missing: all of it, or on an error nothing."""
    engine = create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool)
    config = _config()
    with engine.connect() as bound:
        config.attributes["connection"] = bound
        # Not earlier: the engine's first connect ends whatever transaction it finds.
        connection.execute("BEGIN IMMEDIATE")
        try:
            if needed():
                command.upgrade(config, "head")
        except DBAPIError as error:
            # What SQLite said, as all else that asks it raises.
            raise (error.orig or error) from None
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")


def _config() -> Config:
    config = Config()
    # A percent sign would be read as interpolation.
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    return config
