"""How units of work reach a connection: through a thread of their own, or at once on the caller's."""

import asyncio
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Final, Protocol, Self, TypeAlias, TypeVar, cast

from router.engine.store.errors import RefusedWriteError, StoreUnavailableError

GROUP_MAX: Final = 256
WAITING_MAX: Final = 10_000

T = TypeVar("T")
Work: TypeAlias = Callable[[sqlite3.Connection], Any]
_Unit: TypeAlias = tuple[Work, asyncio.Future[Any]]


class Batched(ABC):
    """A unit that returns nothing, and that is written with others of its kind in few statements."""

    __slots__ = ()

    @abstractmethod
    def __call__(self, connection: sqlite3.Connection) -> None:
        """Write this one alone."""

    @classmethod
    @abstractmethod
    def write(cls, connection: sqlite3.Connection, units: Sequence[Self]) -> None:
        """Write them all; raises anything when one of them cannot be, without saying which."""


@dataclass(frozen=True, slots=True)
class Failed:
    """What a unit raised."""

    error: Exception


Together: TypeAlias = Callable[[sqlite3.Connection, Sequence[Work]], list[object]]
"""Runs a group in one transaction; a result is what its unit returned, or Failed. Never raises."""


class Lane(Protocol):
    """The way to one connection."""

    async def do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run a unit and return what it returns, once it is durable; raises what it raises."""

    async def close(self) -> None:
        """Finish what waits, take nothing new, and close the connection."""


class InlineLane:
    """Runs every unit at once on the caller's thread, in a transaction of its own; nothing is ever awaited."""

    def __init__(self, connection: sqlite3.Connection, together: Together) -> None:
        self._connection = connection
        self._together = together

    async def do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run a unit now."""
        (result,) = self._together(self._connection, [work])
        if isinstance(result, Failed):
            raise result.error
        return cast("T", result)

    async def close(self) -> None:
        """Close the connection; closing twice does no harm."""
        self._connection.close()


class ThreadLane:
    """Runs units in one thread, and all that wait at the same time in one transaction.

    A caller that is cancelled while it waits does not take its unit back.
    """

    def __init__(self, name: str, connection: sqlite3.Connection, together: Together) -> None:
        self._connection = connection
        self._together = together
        self._loop = asyncio.get_running_loop()
        self._waiting: SimpleQueue[_Unit | None] = SimpleQueue()
        self._gathered: list[_Unit] = []
        self._closed = False
        self._thread = Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    async def do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Queue a unit and wait for its group; raises StoreUnavailableError when the lane is closed or too long."""
        if self._closed:
            raise StoreUnavailableError("the store is closed")
        if self._waiting.qsize() + len(self._gathered) >= WAITING_MAX:
            raise StoreUnavailableError(f"{WAITING_MAX} units wait for the database; its disk is too slow or stuck")
        future: asyncio.Future[T] = self._loop.create_future()
        if not self._gathered:
            # A round later, so that what arrives in between goes along.
            self._loop.call_soon(self._loop.call_soon, self._hand_over)
        self._gathered.append((work, future))
        return await future

    async def close(self) -> None:
        """Finish what waits, then stop the thread and close the connection."""
        if not self._closed:
            self._closed = True
            self._hand_over()
            self._waiting.put(None)
        await asyncio.to_thread(self._thread.join)

    def _hand_over(self) -> None:
        """Queue together what was asked for together: a commit costs more than most of what it commits."""
        for unit in self._gathered:
            self._waiting.put(unit)
        self._gathered.clear()

    def _run(self) -> None:
        while group := self._next_group():
            results = self._together(self._connection, [work for work, _ in group])
            # A loop that was closed with units in flight has nobody left to tell.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(tell, [future for _, future in group], results)
        self._connection.close()

    def _next_group(self) -> list[_Unit]:
        """Wait for a unit, then take all that wait behind it; nothing once the lane is closed."""
        group: list[_Unit] = []
        unit = self._waiting.get()
        while unit is not None:
            group.append(unit)
            if len(group) == GROUP_MAX:
                return group
            try:
                unit = self._waiting.get_nowait()
            except Empty:
                return group
        if group:
            self._waiting.put(None)
        return group


def tell(futures: Sequence[asyncio.Future[Any]], results: Sequence[object]) -> None:
    """Give each waiter who is still there what became of its unit."""
    for future, result in zip(futures, results, strict=True):
        if future.done():
            continue
        if isinstance(result, Failed):
            future.set_exception(result.error)
        else:
            future.set_result(result)


def commit_together(connection: sqlite3.Connection, works: Sequence[Work]) -> list[object]:
    """Run units in one write transaction: one that raises is undone alone, a commit that fails fails them all.

    A unit may be run twice: only where one has to be undone are they kept apart, which costs a copy of every page.
    Batches come before all others, who wait at the same time and so for none of them.
    """
    try:
        connection.execute("BEGIN IMMEDIATE")
        results = _at_one_go(connection, works)
        if results is None:
            _roll_back(connection)
            connection.execute("BEGIN IMMEDIATE")
            results = [_apart(connection, work) for work in works]
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        _roll_back(connection)
        return [Failed(_unavailable(error)) for _ in works]
    return results


def read_together(connection: sqlite3.Connection, works: Sequence[Work]) -> list[object]:
    """Run units that only read on one state of the file."""
    try:
        connection.execute("BEGIN")
        results = [_tried(connection, work) for work in works]
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        _roll_back(connection)
        return [Failed(_unavailable(error)) for _ in works]
    return results


def _at_one_go(connection: sqlite3.Connection, works: Sequence[Work]) -> list[object] | None:
    """Run the batches, then other units one by one; None when one failed that may have left something of itself."""
    if not _written(connection, [work for work in works if isinstance(work, Batched)]):
        return None
    results: list[object] = []
    for work in works:
        changes = connection.total_changes
        result = None if isinstance(work, Batched) else _tried(connection, work)
        if isinstance(result, Failed) and (connection.total_changes != changes or not connection.in_transaction):
            return None
        results.append(result)
    return results


def _written(connection: sqlite3.Connection, units: Sequence[Batched]) -> bool:
    try:
        of_kinds: dict[type[Batched], list[Batched]] = {}
        for unit in units:
            of_kinds.setdefault(type(unit), []).append(unit)
        for kind, of_kind in of_kinds.items():
            kind.write(connection, of_kind)
    except Exception:  # noqa: BLE001 - whoever it was is told when each is written apart
        return False
    return True


def _apart(connection: sqlite3.Connection, work: Work) -> object:
    connection.execute("SAVEPOINT unit")
    result = _tried(connection, work)
    if isinstance(result, Failed):
        if not connection.in_transaction:
            raise sqlite3.OperationalError(f"the transaction was lost: {result.error}")
        connection.execute("ROLLBACK TO unit")
    connection.execute("RELEASE unit")
    return result


def _tried(connection: sqlite3.Connection, work: Work) -> object:
    try:
        return work(connection)
    except sqlite3.IntegrityError as error:
        refused = RefusedWriteError(str(error))
        refused.__cause__ = error
        return Failed(refused)
    except sqlite3.Error as error:
        return Failed(_unavailable(error))
    except Exception as error:  # noqa: BLE001 - whatever a unit raises is told to the one who asked for it
        return Failed(error)


def _roll_back(connection: sqlite3.Connection) -> None:
    with suppress(sqlite3.Error):
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _unavailable(error: sqlite3.Error) -> StoreUnavailableError:
    unavailable = StoreUnavailableError(f"the database cannot be used now: {error}")
    unavailable.__cause__ = error
    return unavailable
