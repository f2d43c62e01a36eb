"""Links and status words that disagree: a video that is there is taken, one that is only promised is waited for."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from providers.canonical import Failure, Reason, Stage, Succeeded
from router.core.clock import Clock
from router.core.job import AttemptState, JobState
from tests.engine.scripted import Fate, LinkingAdapter, a_scene
from tests.virtual_time import in_virtual_time

LINK = "https://cdn.example/video.mp4"
DONE = Succeeded(LINK)
NEVER = 10**6
BROKEN = Failure(Stage.GENERATE, Reason.INTERNAL, "something broke")
STALLS = Fate(stuck=True, ends_after_s=900.0, end=DONE)


@pytest.mark.parametrize(("progress", "after_s", "before_s"), [(50, 60.0, 120.0), (100, 0.0, 40.0)])
def test_a_link_beside_an_unfinished_status_is_a_success_once_it_settled_or_progress_is_full(
    progress: int, after_s: float, before_s: float
) -> None:
    async def main(clock: Clock) -> None:
        fate = Fate(stuck=True, progress=progress, ends_after_s=None, link=f"{LINK}?sig=1")
        async with a_scene(clock, {"alpha": [fate]}) as scene:
            job = await scene.made()
            assert job.state is JobState.COMPLETED
            assert after_s < clock.monotonic() < before_s
            assert await scene.money(job.id) == ["alpha pending", "alpha delivered"]
            assert (await scene.job(job.id)).attempts[0].content_url == f"{LINK}?sig=1"

    in_virtual_time(main)


@pytest.mark.parametrize("bad", [{"broken_fetches": NEVER}, {"trickles": True}])
def test_a_link_that_gives_no_video_is_tried_seldom_and_changes_nothing(bad: dict[str, Any]) -> None:
    async def main(clock: Clock) -> None:
        fate = Fate(ends_after_s=590.0, end=BROKEN, link=LINK, **bad)
        async with a_scene(clock, {"alpha": [fate]}) as scene:
            job = await scene.made()
            (alpha,) = [taken for taken in scene.transport.taken.values() if taken.provider == "alpha"]
            assert 4 <= alpha.fetches <= 10
            assert (job.attempts[0].stage, job.attempts[0].reason) == (Stage.GENERATE, Reason.INTERNAL)
            assert (job.attempts[0].ended_at or 0.0) - job.created_at < 680.0
            assert (await scene.money(job.id))[:2] == ["alpha pending", "alpha voided"]

    in_virtual_time(main)


@pytest.mark.parametrize("bad", [{"broken_fetches": NEVER}, {"trickles": True}])
def test_a_link_that_gives_no_video_keeps_a_stalled_job_from_its_next_offering_for_a_minute(
    bad: dict[str, Any],
) -> None:
    async def main(clock: Clock) -> None:
        fate = Fate(stuck=True, ends_after_s=None, link=LINK, **bad)
        async with a_scene(clock, {"alpha": [fate]}) as scene:
            job = await scene.made()
            assert job.attempts[0].reason is Reason.STALLED
            assert job.attempts[1].submitted_at - job.created_at < 600.0 + 200.0

    in_virtual_time(main)


def test_a_job_called_done_during_its_last_try_has_all_the_time_to_become_fetchable() -> None:
    async def main(clock: Clock) -> None:
        fate = Fate(stuck=True, ends_after_s=650.0, end=DONE, link=LINK, broken_fetches=31)
        async with a_scene(clock, {"alpha": [fate]}) as scene:
            job = await scene.made()
            assert await scene.money(job.id) == ["alpha pending", "alpha delivered"]
            assert (job.ended_at or 0.0) - job.created_at > 650.0 + 250.0

    in_virtual_time(main)


def test_a_video_taken_from_a_link_stands_although_the_upstream_fails_the_job_later() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, {"alpha": [Fate(ends_after_s=200.0, end=BROKEN, link=LINK)]}) as scene:
            job = await scene.made()
            assert clock.monotonic() < 150.0
            await asyncio.sleep(600.0)
            assert (await scene.job(job.id)).state is JobState.COMPLETED
            assert await scene.money(job.id) == ["alpha pending", "alpha delivered"]

    in_virtual_time(main)


def test_a_job_called_done_without_a_link_is_asked_for_it() -> None:
    async def main(clock: Clock) -> None:
        fate = Fate(end=DONE, unlinked_s=120.0)
        async with a_scene(clock, {"alpha": [fate]}, adapter=LinkingAdapter()) as scene:
            job = await scene.made()
            assert job.delivered is not None
            assert job.delivered.provider == "alpha"
            (alpha,) = scene.transport.taken.values()
            asked = [at for at in alpha.polled_at if 60.0 <= at - alpha.at <= 180.0]
            assert 6 <= len(asked) <= 30
            assert alpha.fetches == 1

    in_virtual_time(main)


def test_a_job_called_done_that_never_names_a_link_was_paid_and_lost() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(
            clock, {"alpha": [Fate(end=Succeeded())]}, providers=("alpha",), adapter=LinkingAdapter()
        ) as scene:
            job = await scene.made()
            assert job.failure is not None
            assert (job.failure.stage, job.failure.reason) == (Stage.DOWNLOAD, Reason.UNREADABLE)
            assert job.failure.message == "the upstream called the video done and named no link"
            assert await scene.money(job.id) == ["alpha pending", "alpha failed_billed"]
            assert 300.0 < clock.monotonic() < 420.0

    in_virtual_time(main)


def test_asking_for_a_link_waits_as_long_as_it_is_told_to() -> None:
    async def main(clock: Clock) -> None:
        later = Failure(Stage.POLL, Reason.RATE_LIMITED, "later", retry_after_s=100.0)
        fate = Fate(ends_after_s=0.0, end=DONE, unlinked_s=50.0, poll_faults=(Succeeded(), later))
        async with a_scene(clock, {"alpha": [fate]}, adapter=LinkingAdapter()) as scene:
            job = await scene.made()
            assert job.state is JobState.COMPLETED
            (alpha,) = scene.transport.taken.values()
            assert alpha.polled_at[2] - alpha.polled_at[1] >= 100.0

    in_virtual_time(main)


def test_a_late_job_called_done_without_a_link_is_watched_until_it_names_one() -> None:
    async def main(clock: Clock) -> None:
        fates = {"alpha": [replace(STALLS, unlinked_s=300.0)], "beta": [Fate(ends_after_s=1700.0, end=DONE)]}
        async with a_scene(clock, fates, adapter=LinkingAdapter()) as scene:
            job = await scene.made()
            assert job.delivered is not None
            assert job.delivered.provider == "alpha"
            assert job.delivered.content_url == LINK

    in_virtual_time(main)


def test_a_restart_while_a_link_is_waited_for_loses_nothing() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, {"alpha": [Fate(end=DONE, unlinked_s=120.0)]}, adapter=LinkingAdapter()) as scene:
            job = await scene.accept()
            await asyncio.sleep(100.0)
            await scene.crash()
            await scene.start()
            ended = await scene.ended(job.id)
            assert ended.delivered is not None
            assert (ended.delivered.provider, scene.posts()) == ("alpha", {"alpha": 1})

    in_virtual_time(main)


def test_a_restart_adopts_no_late_job_that_names_no_link() -> None:
    async def main(clock: Clock) -> None:
        fates = {"alpha": [replace(STALLS, unlinked_s=NEVER)], "beta": [Fate(ends_after_s=700.0, end=DONE)]}
        async with a_scene(clock, fates, adapter=LinkingAdapter()) as scene:
            job = await scene.accept()
            await asyncio.sleep(1000.0)
            await scene.crash()
            await scene.start()
            ended = await scene.ended(job.id)
            assert ended.delivered is not None
            assert ended.delivered.provider == "beta"
            assert ended.attempts[0].state is AttemptState.LATE

    in_virtual_time(main)


def test_when_a_link_dies_is_kept_with_the_attempt() -> None:
    async def main(clock: Clock) -> None:
        dies_at = clock.wall() + 3600.0
        async with a_scene(clock, {"alpha": [Fate(end=replace(DONE, expires_at=dies_at))]}) as scene:
            job = await scene.made()
            stored = await scene.store.job(job.id)
            assert stored is not None
            assert stored.delivered is not None
            assert stored.delivered.content_expires_at == dies_at

    in_virtual_time(main)
