"""The file of a router, which commands only read."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from router.commands.terminal import stop
from router.engine.store import StoreUnavailableError, StoreVersionError


@contextmanager
def readable(db: Path) -> Iterator[None]:
    """End with why where the file is not there, or cannot be read in the block."""
    if not db.is_file():
        stop(f"{db} does not exist; name the file that `serve --db` uses")
    try:
        yield
    except (StoreUnavailableError, StoreVersionError) as error:
        stop(str(error))
