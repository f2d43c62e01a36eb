"""A provider's word that a job has ended: it is polled at once, seldom enough, and whatever else is up to that poll."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from math import inf
from pathlib import Path
from random import Random

import pytest

from providers.canonical import Failure, Reason, Running, Stage
from router.core.catalog import Polling
from router.core.clock import Clock
from router.core.hook import Hook
from router.core.job import JobState
from router.core.secret import Secret
from router.engine.store import MEMORY
from router.engine.watch import HINTS_EVERY_S, Watch
from tests.engine.scripted import Fate, Scene, a_scene
from tests.virtual_time import in_virtual_time

HOOK = Hook(Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
# So seldom that nothing but a hint brings a poll in time.
SELDOM = Polling(first_after_s=900.0, interval_s_min=900.0, interval_s_max=900.0, stall_s=3000.0, deadline_s=3000.0)
MINE = ("alpha", "alpha-1")


@asynccontextmanager
async def hinted_scene(clock: Clock, fate: Fate, path: Path = MEMORY) -> AsyncIterator[Scene]:
    async with a_scene(clock, {"alpha": [fate]}, path=path, hook=HOOK, polling=SELDOM) as scene:
        yield scene


def polls(scene: Scene) -> list[float]:
    (job,) = scene.transport.taken.values()
    return [at - job.at for at in job.polled_at]


def test_a_hint_brings_the_poll_that_sees_the_end() -> None:
    async def main(clock: Clock) -> None:
        async with hinted_scene(clock, Fate(ends_after_s=60.0)) as scene:
            job = await scene.accept()
            await asyncio.sleep(61.0)
            assert scene.engine.hint(*MINE)
            assert (await scene.ended(job.id, 5.0)).state is JobState.COMPLETED
            assert len(polls(scene)) == 1

    in_virtual_time(main)


def test_hints_of_unknown_and_of_ended_jobs_do_nothing() -> None:
    async def main(clock: Clock) -> None:
        async with hinted_scene(clock, Fate(ends_after_s=60.0)) as scene:
            job = await scene.accept()
            await asyncio.sleep(30.0)
            assert not any(scene.engine.hint(*name) for name in (("alpha", "alpha-2"), ("beta", "alpha-1"), ("", "")))
            assert polls(scene) == []
            await asyncio.sleep(31.0)
            scene.engine.hint(*MINE)
            await scene.ended(job.id, 5.0)
            scene.engine.hint(*MINE)
            await asyncio.sleep(10.0)
            assert len(polls(scene)) == 1

    in_virtual_time(main)


def test_lies_bring_a_poll_every_few_seconds_and_the_truth_among_them_is_not_lost() -> None:
    async def main(clock: Clock) -> None:
        async with hinted_scene(clock, Fate(ends_after_s=20.0)) as scene:
            job = await scene.accept()
            await asyncio.sleep(10.0)
            for _ in range(101):
                assert scene.engine.hint(*MINE)
                await asyncio.sleep(0.1)
            # The last of them came right after the end, and right after a poll.
            assert (await scene.ended(job.id, 2 * HINTS_EVERY_S)).state is JobState.COMPLETED
            asked = polls(scene)
            assert len(asked) <= 10.0 / HINTS_EVERY_S + 2
            assert all(later - earlier >= HINTS_EVERY_S - 0.1 for earlier, later in pairwise(asked))

    in_virtual_time(main)


def test_a_lie_changes_no_outcome() -> None:
    async def main(clock: Clock) -> None:
        async with hinted_scene(clock, Fate(ends_after_s=1500.0)) as scene:
            job = await scene.accept()
            await asyncio.sleep(10.0)
            scene.engine.hint(*MINE)
            await asyncio.sleep(10.0)
            assert (await scene.job(job.id)).state is JobState.IN_PROGRESS
            assert (await scene.ended(job.id)).state is JobState.COMPLETED
            assert scene.posts() == {"alpha": 1}

    in_virtual_time(main)


def test_one_that_came_before_its_create_was_answered_counts_when_it_is() -> None:
    async def main(clock: Clock) -> None:
        async with hinted_scene(clock, Fate(ends_after_s=5.0, answer_after_s=20.0)) as scene:
            job = await scene.accept()
            await asyncio.sleep(6.0)
            assert not scene.engine.hint(*MINE)
            scene.engine._parts.memory.hints.came(*MINE)
            assert (await scene.ended(job.id, 20.0)).state is JobState.COMPLETED
            assert len(polls(scene)) == 1

    in_virtual_time(main)


def test_a_job_is_known_again_after_a_restart(tmp_path: Path) -> None:
    async def main(clock: Clock) -> None:
        async with hinted_scene(clock, Fate(ends_after_s=60.0), tmp_path / "router.db") as scene:
            job = await scene.accept()
            await asyncio.sleep(10.0)
            await scene.crash()
            await scene.start()
            await asyncio.sleep(1.0)
            before = len(polls(scene))
            await asyncio.sleep(50.0)
            assert scene.engine.hint(*MINE)
            assert (await scene.ended(job.id, 5.0)).state is JobState.COMPLETED
            assert len(polls(scene)) <= before + 2

    in_virtual_time(main)


def test_one_that_comes_while_a_poll_is_under_way_brings_another_unless_polls_fail() -> None:
    watch, rng = Watch(SELDOM, 0.0, 0.0), Random(7)
    watch.asks(10.0)
    watch.hinted(10.2)
    watch.saw(Running(queued=False), 10.4)
    assert watch.next_poll_after_s(10.4, 1.0, rng) == 0.0
    watch.asks(10.4)
    watch.hinted(10.6)
    watch.saw(Running(queued=False), 10.8)
    assert watch.next_poll_after_s(10.8, 1.0, rng) == pytest.approx(10.4 + HINTS_EVERY_S - 10.8)
    watch.saw(Failure(Stage.POLL, Reason.RATE_LIMITED, retry_after_s=30.0), 11.0)
    assert watch.next_poll_after_s(11.0, 1.0, rng) >= 30.0
    assert watch.hinted(12.0) == inf
