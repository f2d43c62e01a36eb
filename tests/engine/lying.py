"""Ways to the database that say of a write what is not so, or tell what was a moment ago."""

import asyncio
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from router.engine.store import Store, StoreUnavailableError
from router.engine.store.lane import Lane

T = TypeVar("T")


@dataclass
class LyingLane:
    """Writes as it is told, and says of the next `lies` writes that they failed."""

    lane: Lane
    lies: int = 1

    async def do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        result = await self.lane.do(work)
        self.lies -= 1
        if self.lies >= 0:
            raise StoreUnavailableError("the disk took it and did not say so")
        return result

    async def close(self) -> None:
        await self.lane.close()


def lie(store: Store) -> None:
    """Let the next write be durable and fail."""
    store._writer = LyingLane(store._writer)


@dataclass
class SlowLane:
    """Tells what it has read a moment later."""

    lane: Lane

    async def do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        result = await self.lane.do(work)
        await asyncio.sleep(0.01)
        return result

    async def close(self) -> None:
        await self.lane.close()


def dawdle(store: Store) -> None:
    """Let others write between any read and whoever wanted it."""
    store._reader = SlowLane(store._reader)
