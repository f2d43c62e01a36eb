"""Jobs that wait without a task: what is to end them does, whenever it comes, and nothing of them is kept after it."""

import asyncio
from dataclasses import replace
from itertools import pairwise

import pytest

from router.core.catalog import Polling
from router.core.clock import Clock
from router.core.hook import Hook
from router.core.idempotency import IdempotencyKey
from router.core.job import AttemptState, Job, JobState
from router.core.ledger import CostKind, EntryKind, exposure
from router.core.order import Order, UnavailableError
from router.core.policy import JobLimits
from router.core.secret import Secret
from router.engine.timetable import Timetable
from tests.builders import a_video
from tests.engine.scripted import POLLING, Fate, a_scene
from tests.virtual_time import in_virtual_time

HOOK = Hook(Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
SELDOM = Polling(first_after_s=10.0, interval_s_min=900.0, interval_s_max=900.0, stall_s=3000.0, deadline_s=3000.0)


def test_a_job_that_is_cancelled_while_a_poll_is_under_way_ends_with_that_poll() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, {"alpha": [Fate(ends_after_s=None)]}, polling=SELDOM, hook=HOOK) as scene:
            job = await scene.accept()
            scene.transport.polls_take_s = 5.0
            await asyncio.sleep(5.0)
            assert scene.engine.hint("alpha", "alpha-1")
            await asyncio.sleep(1.0)
            await scene.engine.delete("tester", job.id)
            await asyncio.sleep(5.0)
            stored = await scene.store.any_job(job.id)
            assert stored is not None
            assert stored.state is JobState.FAILED

    in_virtual_time(main)


def test_jobs_end_by_their_deadline_although_their_turns_to_be_polled_come_later() -> None:
    async def main(clock: Clock) -> None:
        polling = replace(POLLING, polls_per_s_max=0.005)
        async with a_scene(clock, limits=JobLimits(deadline_s=600.0), providers=("alpha",), polling=polling) as scene:
            jobs = [await scene.accept() for _ in range(6)]
            await asyncio.sleep(600.0 + 60.0 + 1.0)
            assert all([(await scene.job(job.id)).ended for job in jobs])
            polled = sorted(at for taken in scene.transport.taken.values() for at in taken.polled_at)
            assert all(later - earlier >= 199.0 for earlier, later in pairwise(polled))
            # Whoever was not asked about in time is asked about later, and his money becomes known.
            await asyncio.sleep(3 * 3600.0)
            assert sum([len(await scene.money(job.id)) for job in jobs]) == 2 * len(jobs)

    in_virtual_time(main)


def test_jobs_that_a_restart_lets_wait_for_their_turns_keep_to_them_and_end_when_they_have_to() -> None:
    async def main(clock: Clock) -> None:
        polling = replace(POLLING, polls_per_s_max=0.005)
        async with a_scene(clock, limits=JobLimits(deadline_s=900.0), providers=("alpha",), polling=polling) as scene:
            jobs = [await scene.accept() for _ in range(6)]
            await asyncio.sleep(100.0)
            await scene.crash()
            await scene.start()
            since = clock.monotonic()
            await asyncio.sleep(150.0)
            waiting = [job for job in jobs if not (await scene.job(job.id)).ended]
            assert scene.health["alpha"].standing().in_flight == len(waiting) > 2
            await scene.engine.delete("tester", waiting[0].id)
            await asyncio.sleep(1.0)
            cancelled = await scene.store.any_job(waiting[0].id)
            assert cancelled is not None
            assert (cancelled.state, cancelled.attempts[0].state) == (JobState.FAILED, AttemptState.LATE)
            await asyncio.sleep(900.0 + 60.0 + 1.0 - 251.0)
            assert all([(await scene.job(job.id)).ended for job in waiting[1:]])
            assert scene.health["alpha"].standing().in_flight == 0
            polled = sorted(at for taken in scene.transport.taken.values() for at in taken.polled_at)
            assert all(later - earlier >= 199.0 for earlier, later in pairwise(at for at in polled if at > since))

    in_virtual_time(main)


def test_nothing_is_submitted_for_a_caller_whose_key_was_being_looked_up_at_the_stop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def slowly(_key: IdempotencyKey) -> Job | None:
        await asyncio.sleep(1.0)
        return None

    async def main(clock: Clock) -> None:
        async with a_scene(clock) as scene:
            monkeypatch.setattr(scene.store, "job_of_key", slowly)
            key = IdempotencyKey("tester", "once", "fingerprint")
            accepting = asyncio.create_task(scene.engine.accept(Order("tester", a_video(), key=key)))
            await asyncio.sleep(0.5)
            await scene.engine.stop(0.0)
            with pytest.raises(UnavailableError):
                await accepting
            assert scene.posts() == {}

    in_virtual_time(main)


def test_nothing_begins_when_a_job_is_deleted_after_the_stop() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock) as scene:
            job = await scene.accept()
            await asyncio.sleep(5.0)
            await scene.engine.stop(0.0)
            assert await scene.engine.delete("tester", job.id) is not None
            assert scene.engine._tasks.all == ()
            await scene.start()
            await asyncio.sleep(1.0)
            stored = await scene.store.any_job(job.id)
            assert stored is not None
            assert stored.state is JobState.FAILED

    in_virtual_time(main)


class Sleeper:
    due_at = float("inf")


def test_whoever_is_put_off_or_hastened_again_and_again_takes_one_place() -> None:
    async def main(clock: Clock) -> None:
        woken: list[Sleeper] = []
        timetable: Timetable[Sleeper] = Timetable(lambda sleeper, _: woken.append(sleeper))
        running = asyncio.create_task(timetable.run())
        sleepers = [Sleeper() for _ in range(100)]
        for delay_s in range(1000, 500, -1):
            for sleeper in sleepers:
                timetable.put(sleeper, float(delay_s))
        assert sum(map(len, timetable._at.values())) <= 4 * len(sleepers)
        await asyncio.sleep(500.0)
        assert woken == []
        await asyncio.sleep(1.1)
        assert woken == sleepers
        assert sum(map(len, timetable._at.values())) <= 100
        for sleeper in 2 * sleepers:
            timetable.put(sleeper, 1000.0)
            timetable.take(sleeper)
        assert sum(map(len, timetable._at.values())) <= 101
        running.cancel()

    in_virtual_time(main)


def test_what_is_booked_while_a_job_reads_its_ledger_is_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock) as scene:
            job = await scene.accept()
            await asyncio.sleep(5.0)
            run, entries = scene.engine._runs[job.id], scene.store.entries
            closing = replace((await entries(job.id))[0], kind=EntryKind.POSTED, cost_kind=CostKind.DUPLICATE)
            late = replace(run.job.attempts[0], state=AttemptState.SUCCEEDED)

            for is_read in (False, True):

                async def slowly(job_id: str, is_read: bool = is_read) -> tuple[object, ...]:
                    read = await entries(job_id)
                    await asyncio.sleep(1.0)
                    return (*read, closing) if is_read else read

                monkeypatch.setattr(scene.store, "entries", slowly)
                run._entries = None
                reading = asyncio.create_task(run._booked())
                await asyncio.sleep(0.5)
                run.note(late, closing)
                assert exposure(await reading).posted_microusd == closing.amount_microusd
                run.note(late, closing)
                assert exposure(await run._booked()).posted_microusd == closing.amount_microusd

    in_virtual_time(main)
