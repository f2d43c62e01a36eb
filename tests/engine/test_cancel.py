"""A job deleted before its end: nothing more is bought for it, and what was begun settles later."""

import asyncio
from typing import Any

import pytest

from providers.canonical import Failure, Reason, Stage
from router.core.clock import Clock
from router.core.events import JobEnded
from router.core.job import AttemptState, JobState
from router.engine.exchange import NoAnswer
from tests.engine.scripted import Fate, ListingAdapter, Scene, a_scene
from tests.virtual_time import in_virtual_time

MOMENTS = [0.0, 0.3, 0.6, 5.0, 30.0, 60.2]


async def stored(scene: Scene, job_id: str) -> Any:
    job = await scene.store.any_job(job_id)
    assert job is not None
    return job


@pytest.mark.parametrize("after_s", MOMENTS)
def test_a_cancelled_job_ends_at_once_and_its_attempt_settles_later(after_s: float) -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock) as scene:
            job = await scene.accept()
            await asyncio.sleep(after_s)
            deletion = await scene.engine.delete("tester", job.id)
            assert deletion is not None
            assert (deletion.cancelled, deletion.may_be_charged) == (True, True)
            assert await scene.engine.job("tester", job.id) is None
            await asyncio.sleep(1.0)
            ended = await stored(scene, job.id)
            if ended.state is JobState.FAILED:
                assert (ended.failure.stage, ended.failure.reason) == (Stage.ROUTE, Reason.CANCELLED)
            await asyncio.sleep(3600.0)
            assert sum(scene.posts().values()) <= 1
            money = await scene.money(job.id)
            assert money[1:] in ([], ["alpha voided"], ["alpha duplicate"], ["alpha delivered"])
            assert len([event for event in scene.events if isinstance(event, JobEnded)]) == 1

    in_virtual_time(main)


def test_a_job_that_waits_for_a_provider_is_cancelled_and_costs_nothing() -> None:
    async def main(clock: Clock) -> None:
        refused = {"alpha": [Fate(submit=Failure(Stage.SUBMIT, Reason.OVERLOADED))]}
        async with a_scene(clock, refused, in_flight_max=1) as scene:
            waiting, other = await scene.accept(), await scene.accept()
            await asyncio.sleep(5.0)
            deletion = await scene.engine.delete("tester", waiting.id)
            assert deletion is not None
            assert (deletion.cancelled, deletion.may_be_charged) == (True, False)
            await scene.ended(other.id)
            await asyncio.sleep(100.0)
            assert (await stored(scene, waiting.id)).state is JobState.FAILED
            assert await scene.money(waiting.id) == ["alpha pending", "alpha voided"]

    in_virtual_time(main)


def test_the_provider_is_asked_to_stop_where_it_can() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, adapter=ListingAdapter()) as scene:
            job = await scene.accept()
            await asyncio.sleep(5.0)
            await scene.engine.delete("tester", job.id)
            await asyncio.sleep(5.0)
            assert scene.transport.cancelled == ["alpha-1"]

    in_virtual_time(main)


@pytest.mark.parametrize("after_s", MOMENTS)
@pytest.mark.parametrize("up_s", [0.0, 0.1])
def test_a_cancelled_job_stays_cancelled_after_a_crash(after_s: float, up_s: float) -> None:
    async def main(clock: Clock) -> None:
        fates = {"alpha": [Fate(ends_after_s=100.0)]}
        async with a_scene(clock, fates, adapter=ListingAdapter()) as scene:
            job = await scene.accept()
            await asyncio.sleep(after_s)
            await scene.engine.delete("tester", job.id)
            await asyncio.sleep(up_s)
            await scene.crash()
            await scene.start()
            await asyncio.sleep(3600.0)
            ended = await stored(scene, job.id)
            assert (ended.state, ended.failure.reason) == (JobState.FAILED, Reason.CANCELLED)
            assert sum(scene.posts().values()) <= 1
            assert all(each.state in (AttemptState.SUCCEEDED, AttemptState.FAILED) for each in ended.attempts)

    in_virtual_time(main)


def test_a_lost_submit_of_a_cancelled_job_is_still_looked_for() -> None:
    async def main(clock: Clock) -> None:
        fate = Fate(submit=NoAnswer("reset"), taken=True, listed_after_s=100.0)
        async with a_scene(clock, {"alpha": [fate]}, adapter=ListingAdapter()) as scene:
            job = await scene.accept()
            await asyncio.sleep(10.0)
            deletion = await scene.engine.delete("tester", job.id)
            assert deletion is not None
            assert deletion.may_be_charged
            await asyncio.sleep(1.0)
            assert (await stored(scene, job.id)).state is JobState.FAILED
            await asyncio.sleep(3600.0)
            assert await scene.money(job.id) == ["alpha pending", "alpha duplicate"]
            assert scene.transport.cancelled == ["alpha-1"]

    in_virtual_time(main)


def test_an_ended_job_is_deleted_without_a_word_on_cancelling() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock) as scene:
            job = await scene.made()
            deletion = await scene.engine.delete("tester", job.id)
            assert deletion is not None
            assert not deletion.cancelled
            assert await scene.engine.delete("tester", job.id) is None

    in_virtual_time(main)


def test_a_deletion_that_nobody_could_confirm_cancels_before_anything_more_is_bought() -> None:
    async def main(clock: Clock) -> None:
        full = {"alpha": [Fate(submit=Failure(Stage.SUBMIT, Reason.OVERLOADED))]}
        async with a_scene(clock, full) as scene:
            job = await scene.accept()
            assert await scene.store.delete_job(job.id, clock.wall())
            await asyncio.sleep(100.0)
            ended = await stored(scene, job.id)
            assert (ended.state, ended.failure.reason) == (JobState.FAILED, Reason.CANCELLED)
            assert (scene.posts(), await scene.money(job.id)) == ({"alpha": 1}, ["alpha pending", "alpha voided"])
            assert scene.health["alpha"].snapshot().in_flight == 0
            assert [event.job.id for event in scene.events if isinstance(event, JobEnded)] == [job.id]

    in_virtual_time(main)
