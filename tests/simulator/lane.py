"""The store's lanes in the simulator: a group commits in a step of its own, and its outcome is told in a later one."""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any, TypeVar

from router.engine.store.errors import StoreUnavailableError
from router.engine.store.lane import Failed, Together, Work, tell

if TYPE_CHECKING:
    from tests.simulator.incarnation import Incarnation

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class StoreTrouble:
    """From one virtual second to another this share of commits fails, before anything is durable or after it."""

    from_s: float
    until_s: float
    share_before: float
    share_after: float
    reads_too: bool = False

    def holds(self, now_s: float) -> bool:
        return self.from_s <= now_s < self.until_s


class SimulatedLane:
    """First in, first out, as the writer's thread is; a unit is not taken back when its caller is cancelled."""

    def __init__(
        self, life: "Incarnation", connection: sqlite3.Connection, together: Together, rng: Random, writes: bool
    ) -> None:
        self._life = life
        self._connection = connection
        self._together = together
        self._rng = rng
        self._writes = writes
        self._waiting: deque[tuple[Work, asyncio.Future[Any]]] = deque()
        self._busy = False
        self._closed = False

    async def do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        self._life.require_alive()
        if self._closed:
            raise StoreUnavailableError("the store is closed")
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((work, future))
        self._pump()
        result = await future
        self._life.require_alive()
        return result

    async def close(self) -> None:
        self._closed = True
        while self._waiting and self._life.alive:
            self._commit()

    def _pump(self) -> None:
        if self._waiting and not self._busy:
            self._busy = True
            self._life.later(self._pause_s(), self._commit)

    def _pause_s(self) -> float:
        return 0.0 if self._rng.random() < 0.7 else self._rng.expovariate(20.0)

    def _commit(self) -> None:
        self._busy = False
        if not self._waiting:
            return
        group = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._rng.choice((1, 1, 2, 8))))]
        self._run([work for work, _ in group], [future for _, future in group])
        self._pump()

    def _run(self, works: list[Work], futures: list[asyncio.Future[Any]]) -> None:
        life = self._life
        fails_before, fails_after = self._failures()
        if fails_before:
            results: list[object] = [Failed(StoreUnavailableError("the database cannot be used now: disk full"))]
            results *= len(works)
            life.later(0.0, lambda: tell(futures, results))
            return
        changes = self._connection.total_changes
        if self._writes and life.reached("before a commit"):
            return
        results = self._together(self._connection, works)
        if self._connection.total_changes != changes:
            life.world.counts["commits"] += 1
            life.audit.written(life)
            if life.reached("after a commit"):
                return
            if fails_after:
                life.world.say("store: durable, and told to have failed")
                results = [Failed(StoreUnavailableError("the database cannot be used now: disk I/O error"))] * len(
                    works
                )
        life.later(self._pause_s(), lambda: tell(futures, results))

    def _failures(self) -> tuple[bool, bool]:
        trouble = self._life.store_trouble()
        if trouble is None or not (self._writes or trouble.reads_too):
            return False, False
        drawn = self._rng.random()
        before = drawn < trouble.share_before
        return before, not before and self._writes and drawn < trouble.share_before + trouble.share_after
