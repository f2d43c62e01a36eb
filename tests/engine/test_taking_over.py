"""Jobs that live on while the configuration changes under them: one decision knows one configuration."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from providers.canonical import Failure, ImageFile, ImageKind, Reason, Stage
from router.core.clock import Clock
from router.core.job import WITHDRAWN, AttemptState, Job, JobState
from router.core.limits import ServerSettings
from router.core.order import Order, UnavailableError
from router.core.policy import Failover, FailoverOn, JobLimits
from tests.builders import a_video
from tests.engine.scripted import PRICES, Fate, Scene, a_scene
from tests.virtual_time import in_virtual_time

FULL = Fate(submit=Failure(Stage.SUBMIT, Reason.INVALID))
BROKEN = Failure(Stage.GENERATE, Reason.INTERNAL, "something broke")


def test_a_job_that_was_accepted_before_is_bought_by_the_prices_in_force() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock) as scene:
            # It was routed when it was ordered, and is not written down yet.
            ordering = asyncio.create_task(scene.accept())
            await asyncio.sleep(0)
            scene.use(prices={"alpha": 900_000, "beta": 10_000})
            ended = await scene.ended((await ordering).id)
            assert [(each.provider, each.quote_microusd) for each in ended.attempts] == [("beta", 10_000)]

    in_virtual_time(main)


def test_a_job_that_was_routed_to_a_removed_provider_is_routed_again() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock) as scene:
            ordering = asyncio.create_task(scene.accept())
            await asyncio.sleep(0)
            scene.use("alpha")
            assert (await scene.ended((await ordering).id)).state is JobState.COMPLETED
            assert scene.posts() == {"beta": 1}

    in_virtual_time(main)


def test_a_configuration_that_comes_between_a_decision_and_its_intent_is_the_one_that_is_bought_by() -> None:
    async def main(clock: Clock) -> None:
        for without, prices in (("alpha",), {}), ((), {"alpha": 900_000, "beta": 10_000}):
            async with a_scene(clock) as scene:
                ordering = asyncio.create_task(scene.accept())
                # Its run has chosen alpha and holds the permit; its submit begins with the next step of the loop.
                await asyncio.sleep(0)
                scene.use(*without, prices=prices)
                ended = await scene.ended((await ordering).id)
                assert [each.quote_microusd for each in ended.attempts] == [prices.get("beta", PRICES["beta"])]
                assert scene.posts() == {"beta": 1}
                assert scene.health["alpha"].snapshot().in_flight == 0

    in_virtual_time(main)


def test_a_provider_that_is_removed_while_input_images_are_read_gets_nothing() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, {"alpha": [FULL]}, providers=("alpha", "beta", "gamma")) as scene:
            kinds: frozenset[ImageKind] = frozenset({"file"})
            offerings = tuple(replace(each, image_inputs=kinds, images_max=1) for each in scene.catalog.offerings)
            scene.catalog = replace(scene.catalog, offerings=offerings)
            await scene.start()
            read = scene.store.images

            async def slow(job_id: str) -> dict[int, bytes]:
                await asyncio.sleep(1.0)
                return await read(job_id)

            scene.store.images = slow  # type: ignore[method-assign]
            scene.accepted += 1
            video = a_video(prompt="video_1", images=(ImageFile(b"png", "image/png", "a.png"),))
            job = (await scene.engine.accept(Order("tester", video))).job
            await asyncio.sleep(1.0)
            without_beta, parts = replace(scene.catalog, offerings=(offerings[0], offerings[2])), scene.engine._parts
            parts.use(without_beta, scene.health, scene.limits, parts.routing)
            assert (await scene.ended(job.id)).state is JobState.COMPLETED
            assert scene.posts() == {"alpha": 1, "gamma": 1}
            assert scene.health["beta"].snapshot().in_flight == 0

    in_virtual_time(main)


def write_slowly(scene: Scene) -> None:
    """Let every intent take a second to be durable."""
    write, write_first = scene.store.start_attempt, scene.store.add_started

    async def slow(*given: Any) -> None:
        await asyncio.sleep(1.0)
        await write(*given)

    async def slow_first(*given: Any) -> Job:
        await asyncio.sleep(1.0)
        return await write_first(*given)

    scene.store.start_attempt = slow  # type: ignore[method-assign]
    scene.store.add_started = slow_first  # type: ignore[method-assign]


@pytest.mark.parametrize(("without", "change", "buyer"), [("alpha", {}, "beta"), ("", {"dialect": "another"}, "alpha")])
def test_a_provider_that_is_removed_or_replaced_while_its_intent_is_written_is_not_asked(
    without: str, change: dict[str, str], buyer: str
) -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock) as scene:
            write_slowly(scene)
            ordering = asyncio.create_task(scene.accept())
            await asyncio.sleep(0.5)
            scene.use(without, renewed=bool(change), **change)
            job = await ordering
            ended = await scene.ended(job.id)
            assert [each.state for each in ended.attempts] == [AttemptState.FAILED, AttemptState.SUCCEEDED]
            assert [each.code for each in ended.attempts] == [WITHDRAWN, None]
            bought = [f"{buyer} pending", f"{buyer} delivered"]
            assert await scene.money(job.id) == ["alpha pending", "alpha voided", *bought]
            assert scene.posts() == {buyer: 1}
            assert scene.health["alpha"].snapshot().in_flight == 0
            assert scene.health["alpha"].snapshot().success_share == 1.0

    in_virtual_time(main)


def test_submits_that_reloads_took_back_use_up_no_offering_no_attempt_and_no_failover() -> None:
    limits = JobLimits(attempts_max=1, failover_on=FailoverOn({(Stage.SUBMIT, Reason.UNREACHABLE): Failover.NEVER}))

    async def main(clock: Clock) -> None:
        async with a_scene(clock, limits=limits, failover_on=limits.failover_on) as scene:
            write_slowly(scene)
            ordering = asyncio.create_task(scene.accept())
            await asyncio.sleep(0.5)
            for without in ("alpha", "beta", "alpha"):
                scene.use(without)
                await asyncio.sleep(1.0)
            ended = await scene.ended((await ordering).id)
            assert [each.provider for each in ended.attempts] == ["alpha", "beta", "alpha", "beta"]
            assert ended.state is JobState.COMPLETED
            assert scene.posts() == {"beta": 1}

    in_virtual_time(main)


def test_a_job_whose_only_provider_is_removed_before_it_began_ends_with_no_candidate() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, providers=("alpha",)) as scene:
            ordering = asyncio.create_task(scene.accept())
            await asyncio.sleep(0)
            scene.use("alpha")
            ended = await scene.ended((await ordering).id)
            assert ended.failure is not None
            assert (ended.failure.reason, scene.posts()) == (Reason.NO_CANDIDATE, {})

    in_virtual_time(main)


def test_an_attempt_goes_on_at_a_removed_provider_with_its_quote_and_fails_over_to_the_others() -> None:
    async def main(clock: Clock) -> None:
        fates = {"alpha": [Fate(ends_after_s=120.0, end=BROKEN)]}
        async with a_scene(clock, fates, providers=("alpha", "beta", "gamma")) as scene:
            job = await scene.accept()
            while not (await scene.job(job.id)).attempts:
                await asyncio.sleep(0.01)
            scene.use("alpha", "beta")
            ended = await scene.ended(job.id)
            assert [each.provider for each in ended.attempts] == ["alpha", "gamma"]
            assert [each.state for each in ended.attempts] == [AttemptState.FAILED, AttemptState.SUCCEEDED]
            assert ended.attempts[0].quote_microusd == scene.catalog.offerings[0].price.tiers[0].amount_microusd
            assert scene.engine._parts.health["alpha"].snapshot().in_flight == 0

    in_virtual_time(main)


def test_live_jobs_go_by_the_new_limits_and_keep_their_deadline() -> None:
    async def main(clock: Clock) -> None:
        fates = {"alpha": [Fate(ends_after_s=120.0, end=BROKEN)]}
        async with a_scene(clock, fates) as scene:
            job = await scene.accept()
            while not (await scene.job(job.id)).attempts:
                await asyncio.sleep(0.01)
            scene.use(limits=replace(scene.limits, attempts_max=1, deadline_s=1.0))
            ended = await scene.ended(job.id)
            assert (len(ended.attempts), ended.state, ended.deadline_at) == (1, JobState.FAILED, job.deadline_at)

    in_virtual_time(main)


def test_a_lower_limit_of_unfinished_jobs_turns_creates_away_and_lets_the_live_ones_be() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock) as scene:
            jobs = [await scene.accept() for _ in range(3)]
            scene.engine.use(ServerSettings(jobs_live_max=1))
            with pytest.raises(UnavailableError, match="as many unfinished jobs"):
                await scene.accept()
            scene.accepted -= 1
            for job in jobs:
                assert (await scene.ended(job.id)).state is JobState.COMPLETED

    in_virtual_time(main)


def test_late_attempts_of_a_provider_that_a_start_did_not_know_are_asked_about_when_it_comes_back() -> None:
    async def main(clock: Clock) -> None:
        fates = {"alpha": [Fate(ends_after_s=3000.0, stuck=True)]}
        async with a_scene(clock, fates) as scene:
            job = await scene.made()
            assert [each.state for each in job.attempts] == [AttemptState.LATE, AttemptState.SUCCEEDED]
            await scene.crash()
            await scene.start("alpha")
            await asyncio.sleep(4000.0)
            assert (await scene.books())["alpha"] == (0, job.attempts[0].quote_microusd)
            scene.use()
            await asyncio.sleep(4000.0)
            assert (await scene.books())["alpha"] == (job.attempts[0].quote_microusd, 0)
            assert scene.posts() == {"alpha": 1, "beta": 1}

    in_virtual_time(main)
