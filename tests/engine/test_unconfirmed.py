"""A create whose write failed: whoever asked is told that nobody knows, and what was stored after all is made once."""

import asyncio
from pathlib import Path

import pytest

from router.core.clock import Clock
from router.core.events import JobAccepted
from router.core.idempotency import IdempotencyKey
from router.core.job import AttemptState, JobState
from router.core.order import Order, UnavailableError, UnconfirmedError
from router.core.policy import JobLimits
from tests.builders import a_video
from tests.engine.lying import lie
from tests.engine.scripted import Scene, a_scene
from tests.engine.test_store_trouble import LOCKED_S
from tests.locking import locked
from tests.virtual_time import in_virtual_time

BOUGHT = ("alpha pending", "alpha delivered")
KEY = IdempotencyKey("tester", "key", "0" * 64)


def order(prompt: str) -> Order:
    """Upstreams of a scene know a job by its prompt."""
    return Order("tester", a_video(prompt=prompt), key=KEY)


def accepted(scene: Scene) -> list[str]:
    return [event.job.id for event in scene.events if isinstance(event, JobAccepted)]


def test_a_job_that_was_stored_although_its_write_failed_is_made_once() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock) as scene:
            lie(scene.store)
            with pytest.raises(UnconfirmedError, match="before you order it again"):
                await scene.accept()
            assert accepted(scene) == []
            # Its first intent was as durable as the job itself, and nothing was sent for it.
            assert (await scene.ended("video_1")).state is JobState.COMPLETED
            assert accepted(scene) == ["video_1"]
            assert await scene.money("video_1") == ["alpha pending", "alpha voided", *BOUGHT]
            assert scene.posts() == {"alpha": 1}

    in_virtual_time(main)


def test_a_create_repeated_with_its_key_gets_the_job_that_nobody_had_confirmed() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock) as scene:
            lie(scene.store)
            scene.accepted = 1
            with pytest.raises(UnconfirmedError):
                await scene.engine.accept(order("video_1"))
            scene.accepted = 2
            again = await scene.engine.accept(order("video_1"))
            assert (again.job.id, again.replayed) == ("video_1", True)
            assert (await scene.ended("video_1")).state is JobState.COMPLETED
            assert scene.posts() == {"alpha": 1}

    in_virtual_time(main)


def test_a_crash_in_between_leaves_a_submit_that_nobody_knows_of_and_doubles_nothing() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock) as scene:
            lie(scene.store)
            with pytest.raises(UnconfirmedError):
                await scene.accept()
            await scene.crash()
            await scene.start()
            ended = await scene.ended("video_1")
            assert [each.state for each in ended.attempts] == [AttemptState.UNKNOWN]
            assert (scene.posts(), await scene.money("video_1")) == ({}, ["alpha pending"])

    in_virtual_time(main)


def test_what_was_not_stored_is_never_made_and_its_key_is_free(tmp_path: Path) -> None:
    async def main(clock: Clock) -> None:
        path = tmp_path / "router.db"
        async with a_scene(clock, path=path) as scene:
            scene.accepted = 1
            with locked(path), pytest.raises(UnconfirmedError):
                await scene.engine.accept(order("video_2"))
            scene.accepted = 2
            second = await scene.engine.accept(order("video_2"))
            assert (second.job.id, second.replayed) == ("video_2", False)
            await scene.ended("video_2")
            assert accepted(scene) == ["video_2"]
            assert scene.posts() == {"alpha": 1}
            assert len(scene.engine._unconfirmed) == 0

    in_virtual_time(main)


def test_jobs_that_nobody_has_confirmed_count_among_the_unfinished_ones(tmp_path: Path) -> None:
    async def main(clock: Clock) -> None:
        path = tmp_path / "router.db"
        async with a_scene(clock, limits=JobLimits(), path=path) as scene:
            jobs_live_max = scene.engine._settings.jobs_live_max
            with locked(path):
                for number in range(jobs_live_max):
                    scene.engine._unconfirmed._ids.add(f"video_0{number}")
                with pytest.raises(UnavailableError, match="as many unfinished jobs as it takes") as full:
                    await scene.accept()
            assert not isinstance(full.value, UnconfirmedError)

    in_virtual_time(main)


def test_one_that_its_caller_found_and_deleted_meanwhile_is_cancelled_and_not_made() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock) as scene:
            lie(scene.store)
            with pytest.raises(UnconfirmedError):
                await scene.accept()
            deletion = await scene.engine.delete("tester", "video_1")
            assert deletion is not None
            assert deletion.cancelled
            await asyncio.sleep(LOCKED_S)
            job = await scene.store.any_job("video_1")
            assert job is not None
            assert (job.state, scene.transport.posts) == (JobState.FAILED, [])
            assert await scene.money("video_1") == ["alpha pending", "alpha voided"]

    in_virtual_time(main)
