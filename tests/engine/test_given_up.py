"""What is done to attempts that their jobs gave up, at moments when something else happens to them, too."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from providers.canonical import Failure, Reason, Stage
from router.core.clock import Clock
from router.core.events import BreakerMoved
from router.core.job import AttemptState, JobState
from router.core.lookup import LookupSettings
from router.engine.exchange import NoAnswer
from router.engine.store import StoreUnavailableError
from tests.engine.scripted import Fate, ListingAdapter, Scene, a_scene
from tests.virtual_time import in_virtual_time

STALLS = Fate(stuck=True, ends_after_s=900.0)
SLOW = Fate(ends_after_s=1500.0)
FAILS = Fate(end=Failure(Stage.GENERATE, Reason.INTERNAL))
OUT_OF_REACH = (NoAnswer("reset"),) * 1000


def lie_about_intent(scene: Scene, number: int) -> None:
    """Let the intent of a job's attempt of that number be durable and its write fail."""
    write = scene.store.start_attempt

    async def lying(*args: Any) -> None:
        await write(*args)
        if args[2].number == number:
            scene.store.start_attempt = write  # type: ignore[method-assign]
            raise StoreUnavailableError("the disk failed after the commit")

    scene.store.start_attempt = lying  # type: ignore[method-assign]


def test_a_late_video_that_was_delivered_is_not_cancelled_upstream() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, {"alpha": [STALLS], "beta": [SLOW]}, adapter=ListingAdapter()) as scene:
            job = await scene.made()
            assert job.delivered is not None
            assert job.delivered.provider == "alpha"
            taken = scene.transport.taken["alpha-1"]
            taken.fate = replace(taken.fate, poll_faults=OUT_OF_REACH)
            await asyncio.sleep(600.0)
            assert "alpha-1" not in scene.transport.cancelled

    in_virtual_time(main)


@pytest.mark.parametrize("settle_s", [30.0, 400.0])
def test_a_lost_submit_of_a_cancelled_job_is_void_only_when_it_could_be_listed_no_more(settle_s: float) -> None:
    async def main(clock: Clock) -> None:
        lookup = LookupSettings(settle_s=settle_s, proves_absence=True)
        fate = Fate(submit=NoAnswer("reset"), taken=True, listed_after_s=settle_s - 1.0)
        async with a_scene(clock, {"alpha": [fate]}, adapter=ListingAdapter(), lookup=lookup) as scene:
            job = await scene.accept()
            await asyncio.sleep(0.3)
            await scene.engine.delete("tester", job.id)
            await asyncio.sleep(3600.0)
            assert await scene.money(job.id) == ["alpha pending", "alpha duplicate"]

    in_virtual_time(main)


def test_a_second_intent_that_is_durable_although_its_write_failed_does_not_stay_when_the_job_is_cancelled() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, {"alpha": [FAILS]}) as scene:
            lie_about_intent(scene, 2)
            job = await scene.accept()
            while len(await scene.money(job.id)) < 3:
                await asyncio.sleep(0.05)
            await scene.engine.delete("tester", job.id)
            await asyncio.sleep(60.0)
            stored = await scene.store.any_job(job.id)
            assert stored is not None
            assert stored.state is JobState.FAILED
            assert [each.state for each in stored.attempts] == [AttemptState.FAILED, AttemptState.FAILED]
            assert (await scene.money(job.id))[2:] == ["beta pending", "beta voided"]

    in_virtual_time(main)


def test_a_provider_is_not_blamed_for_a_submit_that_a_cancelled_job_did_not_send() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, {"alpha": [Fate(submit=Failure(Stage.SUBMIT, Reason.INVALID))] * 20}) as scene:
            write = scene.store.start_attempt

            async def cancelling(*args: Any) -> None:
                await write(*args)
                await scene.engine.delete("tester", args[0].id)

            scene.store.start_attempt = cancelling  # type: ignore[method-assign]
            for _ in range(20):
                job = await scene.accept()
                await asyncio.sleep(1.0)
                assert (await scene.money(job.id))[2:] == ["beta pending", "beta voided"]
            assert scene.posts() == {"alpha": 20}
            assert [event for event in scene.events if isinstance(event, BreakerMoved)] == []

    in_virtual_time(main)
