import sqlite3
from pathlib import Path

import pytest

from router.core.clock import Clock
from router.core.events import WriteEnded
from router.engine.store import StaleWriteError, Store, StoreUnavailableError, TimedLane
from tests.builders import a_job


class Ticking:
    """A clock that is a second further each time it is asked."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        self.now_s += 1.0
        return self.now_s


async def opened(path: Path, told: list[WriteEnded]) -> Store:
    clock = Clock(wall=lambda: 0.0, monotonic=Ticking())
    return await Store.open(path, busy_timeout_s=0.05, timed=lambda lane: TimedLane(lane, clock, told.append))  # type: ignore[arg-type]


async def test_a_write_tells_how_long_it_took_and_a_read_does_not(tmp_path: Path):
    told: list[WriteEnded] = []
    store = await opened(tmp_path / "router.db", told)
    await store.add_job(a_job())
    assert await store.job(a_job().id) is not None
    assert told == [WriteEnded(1.0, ok=True)]
    await store.close()


async def test_a_write_that_is_refused_is_no_failure_of_the_database(tmp_path: Path):
    told: list[WriteEnded] = []
    store = await opened(tmp_path / "router.db", told)
    with pytest.raises(StaleWriteError):
        await store.end_job(a_job(), a_job())
    assert told == [WriteEnded(1.0, ok=True)]
    await store.close()


async def test_a_file_that_is_locked_is_told_as_a_failure(tmp_path: Path):
    told: list[WriteEnded] = []
    store = await opened(tmp_path / "router.db", told)
    other = sqlite3.connect(tmp_path / "router.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailableError):
        await store.ping()
    other.execute("ROLLBACK")
    await store.ping()
    assert [each.ok for each in told] == [False, True]
    assert "database is locked" in (told[0].cause or "")
    other.close()
    await store.close()
