"""A job and the intent of its first submit are one write: both are there, or neither is."""

import asyncio
import signal
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from providers.canonical import ImageFile
from router.core.idempotency import IdempotencyConflictError, IdempotencyKey
from router.core.job import Attempt, AttemptState, IllegalTransitionError, Job, JobState
from router.core.ledger import pending, voided
from router.engine.images import without_bytes
from router.engine.store import RefusedWriteError, Store
from tests.builders import EPOCH, a_video, an_attempt
from tests.store.lives import a_decision, delivered, lost, the_attempt, the_job

KEY = IdempotencyKey("tester", "key-1", "a" * 64)
WRITER = """
import asyncio, sys
from dataclasses import replace
from pathlib import Path
from router.engine.store import Store
from tests.store.test_add_started import add_started

async def main():
    store = await Store.open(Path(sys.argv[1]))
    for first in range(0, 100_000, 8):
        added = await asyncio.gather(*(add_started(store, number) for number in range(first, first + 8)))
        print(*(job.id for job, _ in added), flush=True)

asyncio.run(main())
"""


def begun(number: int = 1, **changes: Any) -> tuple[Job, Attempt]:
    job = the_job(number, **changes)
    attempt = the_attempt(job)
    return job.moved(JobState.IN_PROGRESS).with_attempt(attempt), attempt


async def add_started(
    store: Store, number: int = 1, key: IdempotencyKey | None = None, **changes: Any
) -> tuple[Job, Attempt]:
    job, attempt = begun(number, **changes)
    return await store.add_started(job, attempt, pending(attempt, EPOCH), a_decision(), key), attempt


async def test_a_job_is_added_with_its_attempt_its_money_and_why(store: Store) -> None:
    job, attempt = begun()
    assert await store.add_started(job, attempt, pending(attempt, EPOCH), a_decision()) is job
    assert await store.job(job.id) == job
    assert await store.open_jobs() == [job]
    assert await store.entries(job.id) == (pending(attempt, EPOCH),)
    assert await store.decisions(job.id) == ((attempt.id, a_decision()),)


async def test_it_goes_on_like_one_that_was_queued(store: Store) -> None:
    job, attempt = await add_started(store)
    running = attempt.moved(AttemptState.RUNNING, remote_id="remote-1", accepted_at=EPOCH + 1)
    await store.move_attempt(attempt, running)
    done = await delivered(store, job.with_attempt(running), running)
    assert await store.job(job.id) == done
    other, unanswered = await add_started(store, 2)
    assert await store.any_job(other.id) == other
    assert await lost(store, other, unanswered) == await store.job(other.id)


async def test_its_images_are_kept_for_as_long_as_it_may_be_submitted(store: Store) -> None:
    video = a_video(images=(ImageFile(b"pixels", "image/png", "first.png"),))
    job, attempt = await add_started(store, video=video)
    assert await store.images(job.id) == {0: b"pixels"}
    await lost(store, job, attempt)
    assert await store.images(job.id) == {}


async def test_a_key_used_again_gives_the_earlier_job_and_writes_nothing(store: Store) -> None:
    job, _ = await add_started(store, 1, KEY)
    assert (await add_started(store, 2, KEY))[0] == job
    assert await store.any_job("video_2") is None
    assert await store.entries("video_2") == ()
    assert await store.decisions("video_2") == ()
    assert await store.add_job(the_job(3), KEY) == job


async def test_a_key_used_for_another_request_is_a_conflict_and_writes_nothing(store: Store) -> None:
    await add_started(store, 1, KEY)
    with pytest.raises(IdempotencyConflictError, match="new key"):
        await add_started(store, 2, IdempotencyKey("tester", "key-1", "b" * 64))
    assert await store.any_job("video_2") is None


async def test_many_at_the_same_time_with_one_key_are_one_job_and_one_intent(store: Store) -> None:
    added = await asyncio.gather(*(add_started(store, number, KEY) for number in range(40)))
    assert len({job.id for job, _ in added}) == 1
    assert len(await store.open_jobs()) == 1


async def test_one_that_is_refused_leaves_nothing_and_takes_nobody_along(store: Store) -> None:
    await add_started(store, 1)
    job, attempt = begun(2)
    twice = an_attempt(id="video_1-1", job_id="video_2")
    refused = store.add_started(job, twice, pending(twice, EPOCH), a_decision(), KEY)
    results = await asyncio.gather(add_started(store, 3), refused, add_started(store, 4), return_exceptions=True)
    assert isinstance(results[1], RefusedWriteError)
    assert await store.any_job("video_2") is None
    assert await store.job_of_key(KEY) is None
    assert [each.id for each in await store.open_jobs()] == ["video_1", "video_3", "video_4"]
    assert await store.add_started(job, attempt, pending(attempt, EPOCH), None, KEY) is job


async def test_those_that_wait_together_are_written_together_and_each_is_whole(store: Store) -> None:
    writer: Any = store._writer
    statements: list[str] = []
    writer._connection.set_trace_callback(statements.append)
    photo = a_video(images=(ImageFile(b"pixels", "image/png", "first.png"),))
    kinds = [{"video": photo} if number % 3 == 0 else {"metadata": {"a": "b"}} for number in range(19)]
    await asyncio.gather(*(add_started(store, number, **kind) for number, kind in enumerate(kinds)))
    assert sum("INSERT INTO jobs" in each for each in statements) == 3
    assert not any(each.startswith("SAVEPOINT") for each in statements)
    begins = [begun(number, **kind) for number, kind in enumerate(kinds)]
    assert [await store.any_job(job.id) for job, _ in begins] == [
        replace(job, video=without_bytes(job.video)) for job, _ in begins
    ]
    for job, attempt in begins:
        assert await store.entries(job.id) == (pending(attempt, EPOCH),)
        assert await store.decisions(job.id) == ((attempt.id, a_decision()),)
        assert await store.images(job.id) == ({0: b"pixels"} if job.video.images else {})


async def test_one_without_a_decision_is_written_together_with_others(store: Store) -> None:
    job, attempt = begun(1)
    await asyncio.gather(store.add_started(job, attempt, pending(attempt, EPOCH)), add_started(store, 2))
    assert await store.decisions(job.id) == ()
    assert [each.id for each in await store.open_jobs()] == ["video_1", "video_2"]


async def test_of_those_written_together_one_that_is_refused_takes_nobody_along(store: Store) -> None:
    await add_started(store, 1)
    adding = (add_started(store, 2), add_started(store, 1), add_started(store, 3))
    results = await asyncio.gather(*adding, return_exceptions=True)
    assert [isinstance(result, RefusedWriteError) for result in results] == [False, True, False]
    assert [each.id for each in await store.open_jobs()] == ["video_1", "video_2", "video_3"]


async def test_only_a_first_attempt_that_is_submitting_with_pending_money_begins_a_job(store: Store) -> None:
    job, attempt = begun()
    second, queued = the_attempt(job, 2), the_job()
    ran = attempt.moved(AttemptState.RUNNING, remote_id="remote-1")
    for wrong in (
        store.add_started(queued, attempt, pending(attempt, EPOCH)),
        store.add_started(job, second, pending(second, EPOCH)),
        store.add_started(job, ran, pending(ran, EPOCH)),
        store.add_started(job, attempt, voided(attempt, EPOCH)),
        store.add_started(job, the_attempt(the_job(2)), pending(the_attempt(the_job(2)), EPOCH)),
        store.add_started(job, attempt, pending(the_attempt(the_job(2)), EPOCH)),
    ):
        with pytest.raises(IllegalTransitionError):
            await wrong
    assert await store.open_jobs() == []


def test_after_kill_9_there_are_whole_ones_only_and_all_that_were_acknowledged(path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        said = [writer.stdout.readline() for _ in range(20)]
        writer.send_signal(signal.SIGKILL)
        said += writer.stdout.readlines()
    file = sqlite3.connect(path)
    jobs = {name for (name,) in file.execute("SELECT id FROM jobs WHERE state = 'in_progress'")}
    assert jobs >= {name for line in said if line.endswith("\n") for name in line.split()}
    assert jobs == {name for (name,) in file.execute("SELECT job_id FROM attempts")}
    assert jobs == {name for (name,) in file.execute("SELECT job_id FROM ledger_entries")}
    assert len(jobs) == file.execute("SELECT count(*) FROM decisions").fetchone()[0]
    assert file.execute("SELECT count(*) FROM jobs WHERE state = 'queued'").fetchone() == (0,)
    file.close()
