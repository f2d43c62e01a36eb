"""A write that is durable and was told to have failed is done when it is asked for again, and only that very write."""

import sqlite3
from collections.abc import Callable
from typing import Any

import pytest

from providers.canonical import Failure, Reason, Stage
from router.core.job import Attempt, AttemptState, Job, JobState
from router.core.ledger import CostKind, posted, voided
from router.engine.store import StaleWriteError, Store, StoreUnavailableError
from router.engine.store.lane import Lane
from tests.builders import EPOCH
from tests.store.lives import running, the_job


class LyingLane:
    """Tells of the next write that it failed, once it is durable."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._lies = True

    async def do(self, work: Callable[[sqlite3.Connection], Any]) -> Any:
        result = await self._lane.do(work)
        if self._lies:
            self._lies = False
            raise StoreUnavailableError("the disk failed after the commit")
        return result

    async def close(self) -> None:
        await self._lane.close()


def ended(attempt: Attempt, at: float = EPOCH + 9) -> tuple[Attempt, Any]:
    after = attempt.moved(AttemptState.FAILED, ended_at=at)
    return after, voided(after, at)


def lie(store: Store) -> None:
    store._writer = LyingLane(store._writer)  # type: ignore[assignment]


async def lied_to(store: Store) -> tuple[Job, Attempt]:
    """A running attempt, whose end is durable and was told to have failed."""
    job, attempt = await running(store, await store.add_job(the_job()))
    lie(store)
    with pytest.raises(StoreUnavailableError):
        await store.settle(attempt, *ended(attempt), job, job.with_attempt(ended(attempt)[0]))
    return job, attempt


async def test_a_settlement_that_is_durable_is_done_when_it_is_asked_for_again(store: Store) -> None:
    job, attempt = await lied_to(store)
    await store.settle(attempt, *ended(attempt), job, job.with_attempt(ended(attempt)[0]))
    assert [entry.kind for entry in await store.entries(job.id)] == ["pending", "voided"]


async def test_a_third_time_it_is_stale(store: Store) -> None:
    _, attempt = await lied_to(store)
    await store.settle(attempt, *ended(attempt), None, None)
    with pytest.raises(StaleWriteError):
        await store.settle(attempt, *ended(attempt), None, None)


async def test_another_end_than_the_durable_one_is_stale(store: Store) -> None:
    job, attempt = await lied_to(store)
    after = attempt.moved(AttemptState.SUCCEEDED, ended_at=EPOCH + 10)
    with pytest.raises(StaleWriteError):
        await store.settle(attempt, after, posted(after, CostKind.DUPLICATE, EPOCH + 10), None, None)
    assert [entry.kind for entry in await store.entries(job.id)] == ["pending", "voided"]


async def test_a_job_that_has_ended_durably_is_ended_once(store: Store) -> None:
    job = await store.add_job(the_job())
    after = job.moved(JobState.FAILED, ended_at=EPOCH + 9, failure=Failure(Stage.ROUTE, Reason.EXPIRED))
    lie(store)
    with pytest.raises(StoreUnavailableError):
        await store.end_job(job, after)
    await store.end_job(job, after)
    with pytest.raises(StaleWriteError):
        await store.end_job(job, after)
