"""A late attempt is adopted with everything that belongs to it, or nothing is written."""

from dataclasses import replace

import pytest

from router.core.job import Attempt, AttemptState, Job, JobState
from router.core.ledger import CostKind, posted, with_money
from router.engine.store import StaleWriteError, Store
from tests.builders import EPOCH
from tests.store.lives import running, the_job


async def two_attempts(store: Store) -> tuple[Job, Attempt, Attempt]:
    job, first = await running(store, await store.add_job(the_job()))
    late = first.moved(AttemptState.LATE, ended_at=EPOCH + 9)
    await store.settle(first, late, None, job, job.with_attempt(late))
    job, second = await running(store, job.with_attempt(late), 2)
    return job, late, second


async def adopted(store: Store, job: Job, late: Attempt, second: Attempt) -> Job:
    at = EPOCH + 99
    overtaken = second.moved(AttemptState.LATE, ended_at=at)
    done = replace(late.moved(AttemptState.SUCCEEDED, ended_at=at), content_type="video/mp4", content_bytes=1234)
    after = job.moved(JobState.COMPLETED, ended_at=at, progress=100).with_attempt(overtaken).with_attempt(done)
    entry = posted(done, CostKind.DELIVERED, at)
    await store.adopt((second, overtaken), (late, done), entry, (job, after))
    return after.with_attempt(with_money(done, entry))


async def test_a_late_attempt_completes_its_job_and_the_running_one_becomes_late(store: Store) -> None:
    job, late, second = await two_attempts(store)
    after = await adopted(store, job, late, second)
    assert await store.job(job.id) == after
    assert [entry.cost_kind for entry in await store.entries(job.id)] == [None, None, CostKind.DELIVERED]


@pytest.mark.parametrize("moved", ["late", "second"])
async def test_an_adoption_that_finds_an_attempt_elsewhere_writes_nothing(store: Store, moved: str) -> None:
    job, late, second = await two_attempts(store)
    elsewhere = {"late": late, "second": second}[moved]
    failed = elsewhere.moved(AttemptState.FAILED, ended_at=EPOCH + 50)
    entry = posted(failed, CostKind.FAILED_BILLED, EPOCH + 50)
    await store.settle(elsewhere, failed, entry, None, None)
    with pytest.raises(StaleWriteError):
        await adopted(store, job, late, second)
    assert await store.job(job.id) == job.with_attempt(with_money(failed, entry))
    assert len(await store.entries(job.id)) == 3
