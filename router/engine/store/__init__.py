"""Durable jobs, attempts and money: the only door to SQL."""

from router.engine.store.errors import (
    DeletedJobError,
    RefusedWriteError,
    RemoteIdTakenError,
    StaleWriteError,
    StoreUnavailableError,
    StoreVersionError,
)
from router.engine.store.file import MEMORY
from router.engine.store.ownership import owned
from router.engine.store.store import Store
from router.engine.store.timed import TimedLane

__all__ = [
    "MEMORY",
    "DeletedJobError",
    "RefusedWriteError",
    "RemoteIdTakenError",
    "StaleWriteError",
    "Store",
    "StoreUnavailableError",
    "StoreVersionError",
    "TimedLane",
    "owned",
]
