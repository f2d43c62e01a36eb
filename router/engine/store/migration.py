"""Brings a file's schema to the newest revision; apart, because loading Alembic takes longer than opening a file."""

import sqlite3
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import StaticPool, create_engine

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


def migrate(connection: sqlite3.Connection) -> None:
    """Run what is missing, and commit; the caller has begun the transaction."""
    engine = create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool)
    config = _config()
    with engine.begin() as bound:
        config.attributes["connection"] = bound
        command.upgrade(config, "head")


def _config() -> Config:
    config = Config()
    # A percent sign would be read as interpolation.
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    return config
