"""One router to a file: a second one would take the first one's submits under way for lost ones."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from router.engine.store.errors import StoreUnavailableError
from router.engine.store.file import create_private


@contextmanager
def owned(path: Path) -> Iterator[None]:
    """Hold `path` for this process alone; raises StoreUnavailableError when another has it.

    The lock is on a file beside it, whose name ends in `.lock`, and goes with the process however that ends. Symbolic
    links are followed first, so that a file has one lock under all its names.
    """
    try:
        file = path.resolve()
        beside = file.with_name(f"{file.name}.lock")
        create_private(beside)
        lock = beside.open("w")
    except (OSError, RuntimeError) as error:
        raise StoreUnavailableError(f"cannot open {path}: {error}; name a file in a writable folder") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StoreUnavailableError(
                f"{path} is in use by another router; stop that one, or give this one a file of its own"
            ) from None
        yield
