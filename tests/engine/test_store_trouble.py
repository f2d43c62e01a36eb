"""While the database cannot be written, waiting is all that happens: nothing is sent, nothing is sent twice."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from providers.canonical import Failure, Reason, Stage
from router.core.clock import Clock
from router.core.job import AttemptState, JobState
from router.core.order import UnavailableError
from router.core.policy import JobLimits
from router.engine.store import StoreUnavailableError
from tests.engine.scripted import Fate, Scene, a_scene
from tests.locking import locked
from tests.virtual_time import in_virtual_time

LOCKED_S = 40.0
REFUSED = Fate(submit=Failure(Stage.SUBMIT, Reason.INVALID))


async def delivered_once(scene: Scene, job_id: str) -> None:
    assert (await scene.ended(job_id)).state is JobState.COMPLETED
    assert scene.posts() == {"alpha": 1}
    assert await scene.money(job_id) == ["alpha pending", "alpha delivered"]
    assert scene.health["alpha"].snapshot().in_flight == 0


def no_more_intents(scene: Scene) -> Any:
    """Let no intent of a later attempt be written; return what writes them."""
    write = scene.store.start_attempt

    async def denied(*_: Any) -> None:
        raise StoreUnavailableError("the disk is full")

    scene.store.start_attempt = denied  # type: ignore[method-assign]
    return write


def test_an_intent_that_cannot_be_written_is_not_sent() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, {"alpha": [REFUSED]}) as scene:
            write = no_more_intents(scene)
            job = await scene.accept()
            await asyncio.sleep(LOCKED_S)
            assert scene.posts() == {"alpha": 1}
            assert scene.health["beta"].snapshot().in_flight == 0
            scene.store.start_attempt = write  # type: ignore[method-assign]
            assert (await scene.ended(job.id)).state is JobState.COMPLETED
            assert scene.posts() == {"alpha": 1, "beta": 1}

    in_virtual_time(main)


def test_an_intent_that_cannot_be_written_before_the_deadline_is_never_sent() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, {"alpha": [REFUSED]}, JobLimits(deadline_s=30.0)) as scene:
            no_more_intents(scene)
            job = await scene.accept()
            await asyncio.sleep(LOCKED_S)
            ended = await scene.ended(job.id, 30.0)
            assert (ended.state, scene.posts()) == (JobState.FAILED, {"alpha": 1})

    in_virtual_time(main)


def test_an_acceptance_is_written_as_soon_as_it_can_be(tmp_path: Path) -> None:
    async def main(clock: Clock) -> None:
        path = tmp_path / "router.db"
        async with a_scene(clock, path=path) as scene:
            job = await scene.accept()
            while not scene.transport.posts:
                await asyncio.sleep(0.01)
            with locked(path):
                await scene.transport.answered.wait()
                await asyncio.sleep(LOCKED_S)
                stored = await scene.store.job(job.id)
                assert stored is not None
                assert stored.attempts[0].state is AttemptState.SUBMITTING
            await delivered_once(scene, job.id)

    in_virtual_time(main)


@pytest.mark.parametrize("crash", [False, True])
def test_an_end_is_settled_as_soon_as_it_can_be_or_found_again_after_a_crash(*, crash: bool, tmp_path: Path) -> None:
    async def main(clock: Clock) -> None:
        path = tmp_path / "router.db"
        async with a_scene(clock, path=path) as scene:
            job = await scene.accept()
            while not any(taken.fetches for taken in scene.transport.taken.values()):
                await asyncio.sleep(0.05)
            with locked(path):
                await asyncio.sleep(LOCKED_S)
                assert not (await scene.job(job.id)).ended
                if crash:
                    await scene.crash()
            if crash:
                await scene.start()
            await delivered_once(scene, job.id)

    in_virtual_time(main)


def test_a_failure_is_settled_before_anybody_else_is_asked(tmp_path: Path) -> None:
    async def main(clock: Clock) -> None:
        path = tmp_path / "router.db"
        busy = Fate(submit=Failure(Stage.SUBMIT, Reason.OVERLOADED))
        async with a_scene(clock, {"alpha": [busy]}, path=path) as scene:
            job = await scene.accept()
            while not scene.transport.posts:
                await asyncio.sleep(0.01)
            with locked(path):
                await asyncio.sleep(LOCKED_S)
                assert scene.posts() == {"alpha": 1}
            assert (await scene.ended(job.id)).state is JobState.COMPLETED
            assert scene.posts() == {"alpha": 1, "beta": 1}

    in_virtual_time(main)


def test_a_job_that_cannot_be_stored_is_not_accepted(tmp_path: Path) -> None:
    async def main(clock: Clock) -> None:
        path = tmp_path / "router.db"
        async with a_scene(clock, path=path) as scene:
            with locked(path):
                with pytest.raises(UnavailableError):
                    await scene.accept()
                assert not (await scene.engine.readiness()).ready
            await asyncio.sleep(LOCKED_S)
            assert scene.transport.posts == []

    in_virtual_time(main)


def test_an_intent_that_is_durable_although_its_write_failed_is_void_for_it_was_not_sent() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, {"alpha": [REFUSED]}) as scene:
            write = scene.store.start_attempt

            async def lying(*args: Any) -> None:
                scene.store.start_attempt = write  # type: ignore[method-assign]
                await write(*args)
                raise StoreUnavailableError("the disk failed after the commit")

            scene.store.start_attempt = lying  # type: ignore[method-assign]
            job = await scene.made()
            assert job.state is JobState.COMPLETED
            money = await scene.money(job.id)
            assert money[2:] == ["beta pending", "beta voided", "beta pending", "beta delivered"]
            assert scene.posts() == {"alpha": 1, "beta": 1}
            assert scene.engine._parts.unsent == set()

    in_virtual_time(main)
