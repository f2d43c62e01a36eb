"""How long an idempotency key stands for its job: as long as callers were told, and not for ever."""

import asyncio
from dataclasses import replace

from router.core.clock import Clock
from router.core.idempotency import KEPT_S, IdempotencyKey, kept_until
from router.core.job import Job
from router.core.order import Acceptance, Order
from router.core.policy import JobLimits
from router.core.preferences import RoutingPreferences
from tests.builders import a_video
from tests.engine.scripted import Scene, a_scene
from tests.virtual_time import in_virtual_time

# Keys are looked through once an hour.
PRUNED_WITHIN_S = 3601.0


async def created(scene: Scene, key: str, **preferences: float) -> Acceptance:
    """Create with a key; its fingerprint says that it is the same request, and the prompt names the next job's id."""
    scene.accepted += 1
    video = a_video(prompt=f"video_{scene.accepted}")
    order = Order("tester", video, RoutingPreferences(**preferences), key=IdempotencyKey("tester", key, "0" * 64))
    return await scene.engine.accept(order)


async def forgotten_when_told(scene: Scene, clock: Clock, job: Job, **preferences: float) -> None:
    key = job.id.removeprefix("video_")
    await asyncio.sleep(kept_until(job) - clock.wall() - 1.0)
    again = await created(scene, key, **preferences)
    assert (again.job.id, again.replayed) == (job.id, True)
    await asyncio.sleep(1.0 + PRUNED_WITHIN_S)
    anew = await created(scene, key, **preferences)
    assert not anew.replayed


def test_a_key_is_kept_for_a_day_after_its_job_must_be_over_and_then_forgotten() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock) as scene:
            job = (await created(scene, "1")).job
            assert kept_until(job) == job.created_at + 3600.0 + KEPT_S
            await forgotten_when_told(scene, clock, job)

    in_virtual_time(main)


def test_a_jobs_own_deadline_counts_and_no_later_configuration_moves_the_moment() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, limits=JobLimits(deadline_s=7200.0)) as scene:
            short = (await created(scene, "1", deadline_s=600.0)).job
            long = (await created(scene, "2")).job
            assert kept_until(short) == short.created_at + 600.0 + KEPT_S
            scene.use(limits=JobLimits(deadline_s=60.0))
            await asyncio.sleep(kept_until(short) - clock.wall() + PRUNED_WITHIN_S)
            assert (await created(scene, "2")).replayed
            await forgotten_when_told(scene, clock, long)

    in_virtual_time(main)


def test_a_restart_with_a_shorter_deadline_forgets_no_key_early() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, limits=JobLimits(deadline_s=7200.0)) as scene:
            job = (await created(scene, "1")).job
            await scene.ended(job.id)
            await scene.crash()
            scene.limits = replace(scene.limits, deadline_s=60.0)
            await scene.start()
            await forgotten_when_told(scene, clock, job)

    in_virtual_time(main)
