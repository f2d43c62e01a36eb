"""What an operator found out about uncertain money is booked once, whoever else is finding out at the same time."""

import asyncio

import pytest

from router.core.budget import BudgetScope
from router.core.clock import Clock
from router.core.job import AttemptState, JobState
from router.core.order import UnavailableError
from router.core.policy import JobLimits, OnAmbiguous
from router.core.resolution import Billed, Found, NotFound, Resolution, ResolutionError
from router.engine.exchange import NoAnswer
from tests.engine.lying import lie
from tests.engine.scripted import Fate, ListingAdapter, Scene, a_scene
from tests.virtual_time import in_virtual_time

LOST = Fate(submit=NoAnswer("reset"), taken=True)
STALLS = Fate(stuck=True, ends_after_s=None)
RISKY = JobLimits(on_ambiguous=OnAmbiguous.FAILOVER, duplicate_microusd_max=1_000_000)


async def code_of(scene: Scene, name: str, resolution: Resolution) -> str:
    with pytest.raises(ResolutionError) as refused:
        await scene.engine.resolve(name, resolution)
    return refused.value.code


def test_what_was_never_taken_on_is_void() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, {"alpha": [LOST]}) as scene:
            job = await scene.made()
            attempt = await scene.engine.resolve(job.id, NotFound())
            assert (attempt.state, await scene.money(job.id)) == (
                AttemptState.FAILED,
                ["alpha pending", "alpha voided"],
            )
            assert (await scene.job(job.id)).attempts[0].billed is False
            assert await code_of(scene, job.id, NotFound()) == "attempt_not_open"

    in_virtual_time(main)


@pytest.mark.parametrize(("told", "expected"), [(None, 100_000), (0, 0), (250_000, 250_000)])
def test_what_was_billed_for_nothing_is_posted_as_told_or_quoted(told: int | None, expected: int) -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, {"alpha": [LOST]}) as scene:
            job = await scene.made()
            await scene.engine.resolve(f"{job.id}-1", Billed(told))
            assert await scene.money(job.id) == ["alpha pending", "alpha failed_billed"]
            assert (await scene.books())["alpha"] == (expected, 0)

    in_virtual_time(main)


def test_what_is_found_by_an_operator_is_asked_about_until_its_money_is_known() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, {"alpha": [LOST]}) as scene:
            job = await scene.made()
            await asyncio.sleep(5000.0)
            attempt = await scene.engine.resolve(job.id, Found("alpha-1"))
            assert (attempt.state, attempt.remote_id) == (AttemptState.LATE, "alpha-1")
            await scene.crash()
            await scene.start()
            await asyncio.sleep(600.0)
            assert await scene.money(job.id) == ["alpha pending", "alpha duplicate"]

    in_virtual_time(main)


def test_what_an_operator_finds_while_the_job_goes_on_elsewhere_is_adopted() -> None:
    async def main(clock: Clock) -> None:
        fates = {"alpha": [LOST], "beta": [Fate(ends_after_s=1500.0)]}
        async with a_scene(clock, fates, RISKY) as scene:
            job = await scene.accept()
            await asyncio.sleep(100.0)
            await scene.engine.resolve(job.id, Found("alpha-1"))
            ended = await scene.ended(job.id)
            assert ended.delivered is not None
            assert ended.delivered.provider == "alpha"

    in_virtual_time(main)


def test_an_attempt_given_up_can_be_resolved_and_is_not_asked_about_any_more() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, {"alpha": [STALLS]}) as scene:
            job = await scene.made()
            assert job.state is JobState.COMPLETED
            await scene.engine.resolve(f"{job.id}-1", Billed())
            polls = len(scene.transport.taken["alpha-1"].polled_at)
            await asyncio.sleep(3600.0)
            assert len(scene.transport.taken["alpha-1"].polled_at) == polls
            assert (await scene.money(job.id)).count("alpha failed_billed") == 1
            assert len(scene.engine._watches) == 0

    in_virtual_time(main)


def test_one_id_of_the_provider_is_not_two_attempts() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, {"alpha": [Fate(), LOST]}) as scene:
            await scene.made()
            lost = await scene.made()
            assert await code_of(scene, lost.id, Found("alpha-1")) == "remote_id_taken"
            assert await scene.money(lost.id) == ["alpha pending"]

    in_virtual_time(main)


def test_an_id_that_the_provider_does_not_know_is_not_taken() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, {"alpha": [LOST]}) as scene:
            job = await scene.made()
            assert await code_of(scene, job.id, Found("alpha-7")) == "remote_id_unconfirmed"
            assert (await scene.job(job.id)).attempts[0].state is AttemptState.UNKNOWN
            assert (await scene.engine.resolve(job.id, Found("alpha-1"))).state is AttemptState.LATE

    in_virtual_time(main)


def test_what_cannot_be_resolved_says_why() -> None:
    async def main(clock: Clock) -> None:
        fates = {"alpha": [LOST], "beta": [LOST], "gamma": [STALLS]}
        providers = ("alpha", "beta", "gamma")
        async with a_scene(clock, fates, RISKY, providers) as scene:
            job = await scene.made()
            assert await code_of(scene, "video_9", NotFound()) == "attempt_not_found"
            assert await code_of(scene, f"{job.id}-9", NotFound()) == "attempt_not_found"
            assert await code_of(scene, job.id, NotFound()) == "several_open"
            assert await code_of(scene, f"{job.id}-3", Found("elsewhere")) == "remote_id_known"
            assert await code_of(scene, f"{job.id}-1", Billed(1_000_001)) == "amount_beyond_belief"
            await scene.crash()
            await scene.start("beta")
            assert await code_of(scene, f"{job.id}-2", Found("beta-1")) == "provider_not_configured"

    in_virtual_time(main)


def test_two_operators_close_an_attempt_once() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, {"alpha": [LOST]}) as scene:
            job = await scene.made()
            words = (NotFound(), Billed(), Found("alpha-1"), NotFound())
            ends = await asyncio.gather(*(scene.engine.resolve(job.id, each) for each in words), return_exceptions=True)
            assert sum(not isinstance(each, ResolutionError) for each in ends) == 1
            assert len(await scene.money(job.id)) <= 2

    in_virtual_time(main)


def test_one_that_was_asked_about_in_vain_is_asked_about_once_more_when_an_operator_says_where_it_is() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, {"alpha": [Fate(stuck=True, ends_after_s=150_000.0)]}) as scene:
            job = await scene.made()
            await asyncio.sleep(200_000.0)
            (given_up, _) = (await scene.job(job.id)).attempts
            assert given_up.state is AttemptState.LATE
            assert given_up.remote_id is not None
            await scene.engine.resolve(given_up.id, Found(given_up.remote_id))
            await asyncio.sleep(600.0)
            assert (await scene.money(job.id))[-1] == "alpha duplicate"

    in_virtual_time(main)


@pytest.mark.parametrize("resolution", [NotFound(), Billed(0)])
def test_a_word_that_was_taken_although_its_write_failed_counts_once_it_is_repeated(resolution: Resolution) -> None:
    async def main(clock: Clock) -> None:
        limits = {(BudgetScope.PROVIDER, "alpha"): 1_000_000}
        async with a_scene(clock, {"alpha": [LOST]}, daily_limits=limits) as scene:
            job = await scene.made()
            lie(scene.store)
            with pytest.raises(UnavailableError):
                await scene.engine.resolve(job.id, resolution)
            assert await code_of(scene, job.id, resolution) == "attempt_not_open"
            assert (await scene.job(job.id)).attempts[0].billed is isinstance(resolution, Billed)
            assert [each.used_microusd for each in scene.budgets.each()] == [0]

    in_virtual_time(main)


def test_one_whose_place_was_written_although_that_seemed_to_fail_is_not_looked_for_any_more() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, {"alpha": [LOST]}, adapter=ListingAdapter()) as scene:
            scene.transport.list_fault = NoAnswer("reset")
            job = await scene.made()
            lie(scene.store)
            with pytest.raises(UnavailableError):
                await scene.engine.resolve(job.id, Found("alpha-1"))
            await asyncio.sleep(3600.0)
            assert await scene.money(job.id) == ["alpha pending", "alpha duplicate"]
            assert (await scene.job(job.id)).attempts[0].state is AttemptState.SUCCEEDED

    in_virtual_time(main)
