"""A lane that tells how long each write took, and whether the database could be written."""

import sqlite3
from collections.abc import Callable
from typing import TypeVar

from router.core.clock import Clock
from router.core.events import Emit, WriteEnded
from router.engine.store.errors import StoreUnavailableError
from router.engine.store.lane import Lane

T = TypeVar("T")


class TimedLane:
    """Passes units on to another lane and emits a WriteEnded for each; one that was cancelled says nothing."""

    def __init__(self, lane: Lane, clock: Clock, emit: Emit) -> None:
        self._lane = lane
        self._clock = clock
        self._emit = emit

    async def do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run a unit; one that the schema or a stale state refuses is no failure of the database."""
        started = self._clock.monotonic()
        try:
            result = await self._lane.do(work)
        except StoreUnavailableError as error:
            self._ended(started, ok=False, cause=str(error))
            raise
        except Exception:
            self._ended(started, ok=True)
            raise
        self._ended(started, ok=True)
        return result

    async def close(self) -> None:
        """Close the other lane."""
        await self._lane.close()

    def _ended(self, started: float, *, ok: bool, cause: str | None = None) -> None:
        self._emit(WriteEnded(self._clock.monotonic() - started, ok, cause))
