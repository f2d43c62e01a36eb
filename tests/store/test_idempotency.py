"""Two creates with one key are one job."""

import asyncio
from dataclasses import replace

import pytest

from router.core.idempotency import IdempotencyConflictError, IdempotencyKey
from router.core.job import Job
from router.engine.store import Store
from tests.builders import EPOCH
from tests.store.lives import running, the_job

KEY = IdempotencyKey("tester", "key-1", "a" * 64)


async def test_a_key_used_again_gives_the_job_as_it_is_now(store: Store) -> None:
    job, _ = await running(store, await store.add_job(the_job(1), KEY))
    assert await store.add_job(the_job(2), KEY) == job
    assert await store.job("video_2") is None


async def test_a_key_used_for_another_request_is_a_conflict(store: Store) -> None:
    await store.add_job(the_job(1), KEY)
    with pytest.raises(IdempotencyConflictError, match="new key"):
        await store.add_job(the_job(2), IdempotencyKey("tester", "key-1", "b" * 64))
    assert await store.job("video_2") is None


async def test_callers_do_not_share_keys(store: Store) -> None:
    await store.add_job(the_job(1), KEY)
    other = the_job(2, caller="someone else")
    assert await store.add_job(other, IdempotencyKey("someone else", "key-1", "b" * 64)) is other


async def test_creates_with_one_key_at_the_same_time_are_one_job(store: Store) -> None:
    answers = await asyncio.gather(*(store.add_job(the_job(number), KEY) for number in range(40)))
    assert len({job.id for job in answers}) == 1
    assert len(await store.open_jobs()) == 1


async def test_a_key_outlives_the_deletion_of_its_job(store: Store) -> None:
    job = await store.add_job(the_job(1), KEY)
    await store.delete_job(job.id, EPOCH)
    assert await store.add_job(the_job(2), KEY) == replace(job, deleted_at=EPOCH)


async def test_the_keys_of_jobs_long_due_are_forgotten_and_all_others_kept(store: Store) -> None:
    def used(number: int) -> IdempotencyKey:
        return IdempotencyKey("tester", f"key-{number}", "a" * 64)

    def due(number: int, deadline_at: float) -> Job:
        return the_job(number, created_at=EPOCH - 10, deadline_at=deadline_at)

    made = (store.add_job(due(number, EPOCH + number), used(number)) for number in range(1_200))
    await asyncio.gather(*made)
    assert await store.prune_idempotency_keys(EPOCH + 1_100) == 1_100
    assert await store.prune_idempotency_keys(EPOCH + 1_100) == 0
    forgotten = the_job(9_001)
    assert await store.add_job(forgotten, used(1_099)) is forgotten
    kept = await store.add_job(the_job(9_002), used(1_100))
    assert kept.id == "video_1100"
