"""Videos that are done and cannot be had: whose fault it is decides whether another one is bought, and who pays."""

import asyncio
from dataclasses import replace

import pytest

from providers.canonical import Failure, Reason, Stage
from router.core.clock import Clock
from router.core.job import AttemptState, JobState
from router.core.policy import JobLimits
from tests.engine.scripted import POLLING, Fate, a_scene
from tests.virtual_time import in_virtual_time

NEVER = 10**6
REFUSED = Failure(Stage.OUTPUT_REVIEW, Reason.REFUSED, "not this")
BROKEN = Failure(Stage.GENERATE, Reason.INTERNAL, "something broke")


def test_a_video_that_we_cannot_fetch_by_our_own_fault_is_paid_once_and_never_bought_again() -> None:
    async def main(clock: Clock) -> None:
        fates = {name: [Fate(broken_fetches=NEVER, ours=True)] for name in ("alpha", "beta")}
        async with a_scene(clock, fates) as scene:
            job = await scene.made()
            assert job.failure is not None
            assert (job.failure.stage, job.failure.reason) == (Stage.DOWNLOAD, Reason.UNREACHABLE)
            assert scene.posts() == {"alpha": 1}
            assert await scene.money(job.id) == ["alpha pending", "alpha failed_billed"]
            assert scene.health["alpha"].snapshot().success_share == 1.0

    in_virtual_time(main)


def test_a_video_that_its_provider_cannot_hand_over_is_bought_elsewhere() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, {"alpha": [Fate(broken_fetches=NEVER)]}) as scene:
            job = await scene.made()
            assert [attempt.reason for attempt in job.attempts] == [Reason.UNREADABLE, None]
            assert (await scene.money(job.id))[1::2] == ["alpha failed_billed", "beta delivered"]

    in_virtual_time(main)


@pytest.mark.parametrize("taken_back", [REFUSED, BROKEN], ids=lambda failure: str(failure.stage))
def test_a_video_that_is_taken_back_while_its_link_is_broken_costs_what_the_contract_says(taken_back: Failure) -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, {"alpha": [Fate(broken_fetches=NEVER, taken_back=taken_back)]}) as scene:
            job = await scene.made()
            assert [(each.stage, each.reason) for each in job.attempts] == [
                (taken_back.stage, taken_back.reason),
                (None, None),
            ]
            assert (await scene.money(job.id))[1::2] == ["alpha voided", "beta delivered"]
            assert clock.monotonic() < 200.0

    in_virtual_time(main)


def test_a_stuck_job_whose_link_breaks_and_that_then_fails_says_so() -> None:
    async def main(clock: Clock) -> None:
        fate = Fate(
            stuck=True,
            ends_after_s=610.0,
            end=BROKEN,
            link="https://cdn.example/preview",
            broken_fetches=NEVER,
        )
        async with a_scene(clock, {"alpha": [fate]}) as scene:
            job = await scene.made()
            assert [each.state for each in job.attempts] == [AttemptState.FAILED, AttemptState.SUCCEEDED]
            assert job.attempts[0].reason is Reason.INTERNAL

    in_virtual_time(main)


def test_a_download_that_never_ends_does_not_outlive_the_job_and_its_money_is_found_out_later() -> None:
    async def main(clock: Clock) -> None:
        limits = JobLimits(deadline_s=100.0)
        polling = replace(POLLING, download_s_max=1000.0)
        async with a_scene(clock, {"alpha": [Fate(trickles=True)]}, limits, polling=polling) as scene:
            job = await scene.made()
            assert job.ended_at is not None
            assert job.ended_at - job.created_at < 170.0
            assert job.failure is not None
            assert (job.failure.stage, job.failure.reason) == (Stage.DOWNLOAD, Reason.EXPIRED)
            assert [attempt.state for attempt in job.attempts] == [AttemptState.LATE]
            await asyncio.sleep(120.0)
            assert await scene.money(job.id) == ["alpha pending", "alpha duplicate"]

    in_virtual_time(main)


def test_a_video_that_is_done_just_before_the_deadline_may_be_fetched_after_it() -> None:
    async def main(clock: Clock) -> None:
        fates = {"alpha": [Fate(ends_after_s=85.0, broken_fetches=3)]}
        async with a_scene(clock, fates, JobLimits(deadline_s=100.0)) as scene:
            job = await scene.made()
            assert job.state is JobState.COMPLETED
            assert job.ended_at is not None
            assert 100.0 < job.ended_at - job.created_at < 160.0

    in_virtual_time(main)


def test_the_first_poll_waits_no_longer_than_the_job_has() -> None:
    async def main(clock: Clock) -> None:
        polling = replace(POLLING, first_after_s=1000.0)
        async with a_scene(clock, limits=JobLimits(deadline_s=100.0), polling=polling) as scene:
            job = await scene.made()
            assert job.state is JobState.COMPLETED
            assert job.ended_at is not None
            assert job.ended_at - job.created_at < 105.0

    in_virtual_time(main)
