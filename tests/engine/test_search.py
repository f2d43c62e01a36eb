"""A submit whose answer was lost is looked for in its provider's list: found, ruled out, or left to the operator."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from providers.canonical import Accepted, Failure, ImageUrl, ListedPage, Reason, Stage
from router.core.catalog import Catalog
from router.core.clock import Clock
from router.core.events import LookupEnded
from router.core.job import AttemptState, JobState
from router.core.lookup import LookupMode, LookupSettings
from router.core.policy import JobLimits, OnAmbiguous
from router.core.resolution import Billed
from router.engine.exchange import NoAnswer, NotSent
from tests.builders import a_video
from tests.engine.lying import dawdle
from tests.engine.scripted import Fate, ListingAdapter, Scene, Told, a_scene, told
from tests.virtual_time import in_virtual_time

LOST = Fate(submit=NoAnswer("reset"), taken=True)
VANISHED = Fate(submit=NoAnswer("reset"))
LISTING: dict[str, Any] = {"adapter": ListingAdapter()}
EXACT: dict[str, Any] = {**LISTING, "lookup": LookupSettings(proves_absence=True)}
RISKY = JobLimits(on_ambiguous=OnAmbiguous.FAILOVER, duplicate_microusd_max=1_000_000)


def results(scene: Scene) -> list[str]:
    return [event.result for event in scene.events if isinstance(event, LookupEnded)]


def test_a_lost_submit_that_is_listed_is_found_and_delivered() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, {"alpha": [LOST]}, **LISTING) as scene:
            job = await scene.made()
            assert job.state is JobState.COMPLETED
            assert await scene.money(job.id) == ["alpha pending", "alpha delivered"]
            assert (scene.posts(), results(scene)) == ({"alpha": 1}, ["found"])

    in_virtual_time(main)


def test_one_that_was_found_is_in_flight_and_counts_as_delivered() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, {"alpha": [LOST]}, **LISTING) as scene:
            job = await scene.accept()
            await asyncio.sleep(20.0)
            assert scene.health["alpha"].snapshot().in_flight == 1
            await scene.ended(job.id)
            after = scene.health["alpha"].snapshot()
            assert (after.in_flight, scene.health["alpha"]._record.share() > 0.5) == (0, True)

    in_virtual_time(main)


def test_one_that_is_listed_a_while_later_is_waited_for() -> None:
    async def main(clock: Clock) -> None:
        fate = Fate(submit=NoAnswer("reset"), taken=True, listed_after_s=20.0)
        async with a_scene(clock, {"alpha": [fate]}, **LISTING) as scene:
            assert (await scene.made()).state is JobState.COMPLETED

    in_virtual_time(main)


def test_one_that_is_not_listed_is_held_where_a_list_proves_nothing() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, {"alpha": [VANISHED]}, **LISTING) as scene:
            job = await scene.made()
            assert job.failure is not None
            assert (job.failure.stage, job.failure.reason) == (Stage.SUBMIT, Reason.AMBIGUOUS)
            assert (await scene.money(job.id), results(scene)) == (["alpha pending"], ["not_listed"])

    in_virtual_time(main)


def test_one_that_is_not_listed_is_void_and_bought_elsewhere_where_a_list_proves_absence() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, {"alpha": [VANISHED]}, **EXACT) as scene:
            job = await scene.made()
            assert job.state is JobState.COMPLETED
            assert await scene.money(job.id) == ["alpha pending", "alpha voided", "beta pending", "beta delivered"]
            assert results(scene) == ["absent"]

    in_virtual_time(main)


@pytest.mark.parametrize("fault", [NotSent("refused"), NoAnswer("reset"), told(Failure(Stage.POLL, Reason.UNREADABLE))])
def test_a_list_that_cannot_be_read_proves_nothing(fault: Any) -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, {"alpha": [VANISHED]}, **EXACT) as scene:
            scene.transport.list_fault = fault
            job = await scene.made()
            assert job.failure is not None
            assert (job.failure.reason, await scene.money(job.id)) == (Reason.AMBIGUOUS, ["alpha pending"])
            assert results(scene) == ["failed"]

    in_virtual_time(main)


def test_a_list_with_an_entry_that_cannot_be_read_proves_no_absence() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, {"alpha": [VANISHED]}, **EXACT) as scene:
            scene.transport.list_fault = Told(200, {}, b"", ListedPage((), whole=False))
            job = await scene.made()
            assert (await scene.money(job.id), results(scene)) == (["alpha pending"], ["unclear"])

    in_virtual_time(main)


def test_one_found_after_its_job_was_held_is_a_duplicate() -> None:
    async def main(clock: Clock) -> None:
        fate = Fate(submit=NoAnswer("reset"), taken=True, listed_after_s=300.0)
        async with a_scene(clock, {"alpha": [fate]}, **LISTING) as scene:
            job = await scene.made()
            assert job.state is JobState.FAILED
            await asyncio.sleep(3600.0)
            assert await scene.money(job.id) == ["alpha pending", "alpha duplicate"]
            assert (await scene.job(job.id)).attempts[0].state is AttemptState.SUCCEEDED

    in_virtual_time(main)


def test_one_found_while_its_job_goes_on_elsewhere_is_adopted() -> None:
    async def main(clock: Clock) -> None:
        fates = {"alpha": [Fate(submit=NoAnswer("reset"), taken=True, listed_after_s=45.0)]}
        async with a_scene(clock, {**fates, "beta": [Fate(ends_after_s=1500.0)]}, RISKY, **LISTING) as scene:
            job = await scene.made()
            assert job.delivered is not None
            assert job.delivered.provider == "alpha"
            assert (await scene.money(job.id))[:3] == ["alpha pending", "beta pending", "alpha delivered"]

    in_virtual_time(main)


def test_one_ruled_out_after_its_job_was_held_is_void() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, {"alpha": [VANISHED]}, **EXACT) as scene:
            scene.transport.list_fault = NoAnswer("reset")
            job = await scene.made()
            scene.transport.list_fault = None
            await asyncio.sleep(3600.0)
            assert await scene.money(job.id) == ["alpha pending", "alpha voided"]
            assert (await scene.job(job.id)).attempts[0].state is AttemptState.FAILED

    in_virtual_time(main)


@pytest.mark.parametrize("crash_after_s", [0.3, 1.0, 5.0, 20.0, 100.0])
def test_a_crash_at_any_moment_of_the_search_loses_nothing(crash_after_s: float) -> None:
    async def main(clock: Clock) -> None:
        fate = Fate(submit=NoAnswer("reset"), taken=True, listed_after_s=10.0)
        async with a_scene(clock, {"alpha": [fate]}, **LISTING) as scene:
            job = await scene.accept()
            await asyncio.sleep(crash_after_s)
            await scene.crash()
            await scene.start()
            assert (await scene.ended(job.id)).state is JobState.COMPLETED
            assert (scene.posts(), await scene.money(job.id)) == ({"alpha": 1}, ["alpha pending", "alpha delivered"])

    in_virtual_time(main)


def test_two_lost_submits_never_become_one_upstream_job() -> None:
    async def main(clock: Clock) -> None:
        scenes = a_scene(clock, {"alpha": [LOST, VANISHED]}, **LISTING)
        async with scenes as scene:
            scene.transport.echoed = lambda prompt: "video"
            first, second = await scene.accept(), await scene.accept()
            for job in (first, second):
                await scene.ended(job.id)
            owners = [each.remote_id for job in (first, second) for each in (await scene.job(job.id)).attempts]
            assert len([each for each in owners if each]) <= 1

    in_virtual_time(main)


def test_of_two_alike_that_are_looked_for_at_the_same_moment_each_gets_a_job() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, {"alpha": [LOST, LOST]}, **LISTING) as scene:
            scene.transport.checks = False
            dawdle(scene.store)
            jobs = await asyncio.gather(*(scene.order(a_video()) for _ in range(2)))
            assert [(await scene.ended(job.id)).state for job in jobs] == [JobState.COMPLETED] * 2
            assert results(scene) == ["found", "found"]
            assert len({(await scene.job(job.id)).attempts[0].remote_id for job in jobs}) == 2

    in_virtual_time(main)


def test_in_an_account_of_our_own_a_job_without_a_prompt_is_ours_if_no_other_can_be() -> None:
    async def main(clock: Clock, submits: int, expected: list[JobState]) -> None:
        settings = LookupSettings(LookupMode.EXCLUSIVE)
        fates = {"alpha": [LOST] * submits}
        async with a_scene(clock, fates, adapter=ListingAdapter(), lookup=settings) as scene:
            scene.transport.echoed = lambda prompt: None
            jobs = [await scene.accept() for _ in range(submits)]
            assert [(await scene.ended(job.id)).state for job in jobs] == expected

    in_virtual_time(lambda clock: main(clock, 1, [JobState.COMPLETED]))
    in_virtual_time(lambda clock: main(clock, 2, [JobState.FAILED] * 2))


def test_a_job_of_one_that_an_operator_closed_is_not_taken_for_another_ones() -> None:
    async def main(clock: Clock) -> None:
        settings = LookupSettings(LookupMode.EXCLUSIVE)
        scenes = a_scene(clock, {"alpha": [LOST, VANISHED]}, adapter=ListingAdapter(), lookup=settings)
        async with scenes as scene:
            scene.transport.echoed = lambda prompt: None
            billed, vanished = await scene.accept(), await scene.accept()
            for job in (billed, vanished):
                await scene.ended(job.id)
            await scene.engine.resolve(billed.id, Billed())
            await asyncio.sleep(7200.0)
            assert (await scene.job(vanished.id)).attempts[0].remote_id is None
            assert await scene.money(vanished.id) == ["alpha pending"]

    in_virtual_time(main)


def test_a_job_that_tells_no_prompt_is_not_taken_in_an_account_that_others_may_use() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, {"alpha": [LOST]}, **LISTING) as scene:
            scene.transport.echoed = lambda prompt: None
            assert (await scene.made()).state is JobState.FAILED
            assert results(scene) == ["unclear"]

    in_virtual_time(main)


def test_nothing_is_looked_for_where_the_operator_said_so() -> None:
    async def main(clock: Clock) -> None:
        settings = LookupSettings(LookupMode.OFF)
        async with a_scene(clock, {"alpha": [LOST]}, adapter=ListingAdapter(), lookup=settings) as scene:
            assert (await scene.made()).state is JobState.FAILED
            await asyncio.sleep(3600.0)
            assert (scene.transport.lists, results(scene)) == (0, [])

    in_virtual_time(main)


def test_an_answer_that_names_another_attempts_job_is_ambiguous() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, {"alpha": [Fate(), Fate(submit=None)]}) as scene:
            first = await scene.made()
            remote_id = first.attempts[0].remote_id
            assert remote_id is not None
            scene.transport.replayed = told(Accepted(remote_id))
            second = await scene.made()
            assert second.failure is not None
            assert second.failure.reason is Reason.AMBIGUOUS
            assert await scene.money(second.id) == ["alpha pending"]

    in_virtual_time(main)


async def takes_images(scene: Scene) -> None:
    offerings = (replace(each, image_inputs=frozenset({"url"}), images_max=1) for each in scene.catalog.offerings)
    scene.catalog = Catalog.of(tuple(scene.catalog.providers.values()), tuple(offerings))
    await scene.crash()
    await scene.start()


@pytest.mark.parametrize("other", [{"images": (ImageUrl("https://images.example/a.png"),)}, {"watermark": True}])
def test_a_job_that_repeats_the_prompt_of_two_is_not_taken_where_they_asked_for_different_videos(other: Any) -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, {"alpha": [VANISHED, LOST]}, **LISTING) as scene:
            scene.transport.checks = False
            await takes_images(scene)
            plain, unlike = [await scene.order(a_video(**changes)) for changes in ({}, other)]
            for job in (plain, unlike):
                await scene.ended(job.id)
            await asyncio.sleep(7200.0)
            for job in (plain, unlike):
                assert (await scene.job(job.id)).attempts[0].remote_id is None
            assert await scene.money(unlike.id) == ["alpha pending"]

    in_virtual_time(main)


def test_a_job_that_does_not_tell_its_length_is_not_taken_where_two_asked_for_different_ones() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, {"alpha": [VANISHED, LOST]}, **LISTING) as scene:
            scene.transport.checks = False
            jobs = [await scene.order(a_video(seconds=seconds)) for seconds in (10, 5)]
            for job in jobs:
                await scene.ended(job.id)
            await asyncio.sleep(7200.0)
            assert [(await scene.job(job.id)).attempts[0].remote_id for job in jobs] == [None, None]

    in_virtual_time(main)
