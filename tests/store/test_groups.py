"""Writes that wait at the same time are committed together, and fail apart."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from router.core.job import JobState
from router.core.ledger import pending
from router.engine.store import RefusedWriteError, StaleWriteError, Store, StoreUnavailableError, lane
from tests.store.lives import delivered, running, the_attempt, the_job


def trace(store: Store) -> list[str]:
    """Every statement of the writer from now on."""
    statements: list[str] = []
    writer: Any = store._writer
    writer._connection.set_trace_callback(statements.append)
    return statements


@asynccontextmanager
async def held_up(store: Store) -> AsyncIterator[None]:
    """Keep the writer busy, so that what is written meanwhile waits together."""
    entered, gate = threading.Event(), threading.Event()

    def wait(_: sqlite3.Connection) -> None:
        entered.set()
        assert gate.wait(10)

    busy = asyncio.ensure_future(store._writer.do(wait))
    await asyncio.to_thread(entered.wait, 10)
    try:
        yield
    finally:
        gate.set()
        await busy


async def waiting(*writes: Any) -> list[asyncio.Future[Any]]:
    """Queue writes in this order without waiting for their end."""
    futures = [asyncio.ensure_future(write) for write in writes]
    await asyncio.sleep(0)
    return futures


async def test_writes_that_wait_together_are_one_commit(store: Store) -> None:
    statements = trace(store)
    async with held_up(store):
        writes = await waiting(*(store.add_job(the_job(number)) for number in range(64)))
    await asyncio.gather(*writes)
    assert statements.count("COMMIT") == 2
    assert [job.id for job in await store.open_jobs()] == [f"video_{number}" for number in range(64)]


async def test_writes_asked_for_in_one_round_of_the_loop_are_one_commit(store: Store) -> None:
    statements = trace(store)
    await asyncio.gather(*(store.add_job(the_job(number)) for number in range(8)))
    assert statements.count("COMMIT") == 1


async def test_a_group_has_a_limit(store: Store) -> None:
    statements = trace(store)
    async with held_up(store):
        writes = await waiting(*(store.add_job(the_job(number)) for number in range(lane.GROUP_MAX + 1)))
    await asyncio.gather(*writes)
    assert statements.count("COMMIT") == 3


async def test_one_write_that_fails_leaves_its_neighbours_alone(store: Store) -> None:
    job, attempt = await running(store, await store.add_job(the_job(1)))
    await store.add_job(the_job(2))
    orphan = the_attempt(the_job(9))
    async with held_up(store):
        first, twice, no_job, stray, again, last = await waiting(
            delivered(store, job, attempt),
            store.add_job(the_job(2)),
            store.start_attempt(the_job(2), the_job(2), orphan, pending(orphan, 1.0)),
            store.add_job(the_job(3, metadata={"a": "\ud800"})),
            delivered(store, job, attempt),
            store.add_job(the_job(4)),
        )
    results = await asyncio.gather(first, twice, no_job, stray, again, last, return_exceptions=True)
    assert [type(result).__name__ for result in results] == [
        "Job",
        "RefusedWriteError",
        "RefusedWriteError",
        "TypeError",
        "StaleWriteError",
        "Job",
    ]
    assert [each.id for each in await store.open_jobs()] == ["video_2", "video_4"]
    assert len(await store.entries(job.id)) == 2


async def test_a_write_that_fails_halfway_leaves_nothing_of_itself(store: Store) -> None:
    job = await store.add_job(the_job())
    attempt = the_attempt(job)
    entry = pending(the_attempt(job, provider="beta"), 1.0)
    with pytest.raises(Exception, match="entry of attempt"):
        await store.start_attempt(job, job, attempt, entry)
    with pytest.raises(RefusedWriteError):
        await store.start_attempt(job, job, attempt, pending(the_attempt(job, quote_microusd=2**62), float("nan")))
    assert await store.job(job.id) == job


async def test_a_locked_file_fails_the_whole_group_and_the_next_write_is_fine(store: Store, path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        writes = await waiting(*(store.add_job(the_job(number)) for number in range(5)))
        results = await asyncio.gather(*writes, return_exceptions=True)
        assert [type(result) for result in results] == [StoreUnavailableError] * 5
        with pytest.raises(StoreUnavailableError, match="locked"):
            await store.ping()
        assert await store.open_jobs() == []
        other.execute("ROLLBACK")
    await store.ping()
    await store.add_job(the_job())


async def test_a_full_disk_is_told_and_got_over(store: Store) -> None:
    job = await store.add_job(the_job(1))
    writer: Any = store._writer
    (pages,) = writer._connection.execute("PRAGMA page_count").fetchone()
    writer._connection.execute(f"PRAGMA max_page_count = {pages}")
    async with held_up(store):
        writes = await waiting(*(store.add_job(the_job(number, metadata={"a": "x" * 9000})) for number in (2, 3)))
    results = await asyncio.gather(*writes, return_exceptions=True)
    assert [type(result) for result in results] == [StoreUnavailableError] * 2
    writer._connection.execute("PRAGMA max_page_count = 1000000")
    again = await store.add_job(the_job(2, metadata={"a": "x" * 9000}))
    assert await store.open_jobs() == [job, again]


async def test_too_many_waiting_writes_are_turned_away(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane, "WAITING_MAX", 3)
    async with held_up(store):
        writes = await waiting(*(store.add_job(the_job(number)) for number in range(5)))
    results = await asyncio.gather(*writes, return_exceptions=True)
    assert [isinstance(result, StoreUnavailableError) for result in results] == [False, False, False, True, True]
    assert len(await store.open_jobs()) == 3


async def test_a_caller_who_is_gone_takes_nothing_back(store: Store) -> None:
    async with held_up(store):
        gone, other = await waiting(store.add_job(the_job(1)), store.add_job(the_job(2)))
        gone.cancel()
    assert (await other).id == "video_2"
    assert gone.cancelled()
    assert [job.id for job in await store.open_jobs()] == ["video_1", "video_2"]


async def test_closing_commits_what_waits(path: Path) -> None:
    store = await Store.open(path)
    async with held_up(store):
        writes = await waiting(*(store.add_job(the_job(number)) for number in range(3)))
        closed = asyncio.ensure_future(store.close())
        await asyncio.sleep(0)
    await asyncio.gather(closed, *writes)
    store = await Store.open(path)
    assert len(await store.open_jobs()) == 3
    await store.close()


async def test_writes_are_kept_apart_only_where_one_has_to_be_undone(store: Store) -> None:
    await store.add_job(the_job(1))
    statements = trace(store)
    stale = the_job(7).moved(JobState.IN_PROGRESS)
    results = await asyncio.gather(
        store.add_job(the_job(2)), store.end_job(the_job(7), stale), store.add_job(the_job(3)), return_exceptions=True
    )
    assert isinstance(results[1], StaleWriteError)
    assert not any(each.startswith("SAVEPOINT") for each in statements)
    intent = the_job(4).moved(JobState.IN_PROGRESS), the_attempt(the_job(4))
    halfway = store.add_started(*intent, pending(intent[1], float("nan")))
    results = await asyncio.gather(
        store.add_job(the_job(5)), halfway, store.add_job(the_job(6)), return_exceptions=True
    )
    assert isinstance(results[1], RefusedWriteError)
    assert statements.count("SAVEPOINT unit") == 3
    assert [each.id for each in await store.open_jobs()] == [f"video_{number}" for number in (1, 2, 3, 5, 6)]
