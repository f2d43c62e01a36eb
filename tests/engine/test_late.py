"""Attempts that their job went on without: what they cost is found out, and their videos are not thrown away."""

import asyncio

from providers.canonical import Failure, Reason, Stage
from router.core.catalog import ChargeRule
from router.core.clock import Clock
from router.core.events import AttemptEnded
from router.core.job import AttemptState, JobState
from tests.engine.scripted import Fate, a_scene
from tests.virtual_time import in_virtual_time

STALLS = Fate(stuck=True, ends_after_s=900.0)
BROKEN = Failure(Stage.GENERATE, Reason.INTERNAL, "something broke")
REFUSED = Failure(Stage.PROMPT_REVIEW, Reason.REFUSED, "not this")


def test_a_late_success_is_adopted_and_the_attempt_that_it_overtakes_becomes_late() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, {"alpha": [STALLS], "beta": [Fate(ends_after_s=1500.0)]}) as scene:
            job = await scene.made()
            assert job.state is JobState.COMPLETED
            assert job.delivered is not None
            assert job.delivered.provider == "alpha"
            assert [attempt.state for attempt in job.attempts] == [AttemptState.SUCCEEDED, AttemptState.LATE]
            assert clock.monotonic() < 1100
            assert await scene.money(job.id) == ["alpha pending", "beta pending", "alpha delivered"]
            while len(await scene.money(job.id)) < 4:
                await asyncio.sleep(60.0)
            assert await scene.money(job.id) == [
                *("alpha pending", "beta pending", "alpha delivered"),
                "beta duplicate",
            ]
            with_both = await scene.job(job.id)
            assert with_both.delivered == job.delivered
            assert [attempt.state for attempt in with_both.attempts] == [AttemptState.SUCCEEDED] * 2
            assert scene.health["beta"].snapshot().in_flight == 0

    in_virtual_time(main)


def test_a_late_success_after_the_job_has_ended_is_a_duplicate() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, {"alpha": [STALLS]}) as scene:
            job = await scene.made()
            assert job.delivered is not None
            assert job.delivered.provider == "beta"
            await asyncio.sleep(600.0)
            assert await scene.money(job.id) == ["alpha pending", "beta pending", "beta delivered", "alpha duplicate"]

    in_virtual_time(main)


def test_a_late_failure_costs_what_the_contract_says() -> None:
    async def main(clock: Clock, rule: ChargeRule, expected: str) -> None:
        fates = {"alpha": [Fate(stuck=True, ends_after_s=900.0, end=BROKEN)]}
        async with a_scene(clock, fates, charge_rule=rule) as scene:
            job = await scene.made()
            await asyncio.sleep(600.0)
            assert (await scene.money(job.id))[-1] == f"alpha {expected}"
            (late, _) = (await scene.job(job.id)).attempts
            assert (late.state, late.reason) == (AttemptState.FAILED, Reason.STALLED)

    in_virtual_time(lambda clock: main(clock, ChargeRule(), "voided"))
    in_virtual_time(lambda clock: main(clock, ChargeRule(failed_billed=True), "failed_billed"))


def test_an_attempt_that_was_overtaken_and_then_fails_says_why() -> None:
    async def main(clock: Clock) -> None:
        fates = {"alpha": [STALLS], "beta": [Fate(ends_after_s=1500.0, end=BROKEN)]}
        async with a_scene(clock, fates) as scene:
            job = await scene.made()
            await asyncio.sleep(1500.0)
            (_, late) = (await scene.job(job.id)).attempts
            assert (late.state, late.stage, late.reason) == (AttemptState.FAILED, Stage.GENERATE, Reason.INTERNAL)
            assert (await scene.money(job.id))[-1] == "beta voided"

    in_virtual_time(main)


def test_a_video_in_hand_is_delivered_although_the_next_attempt_is_refused_for_good() -> None:
    async def main(clock: Clock) -> None:
        fates = {"alpha": [STALLS], "beta": [Fate(submit=REFUSED, answer_after_s=500.0)]}
        async with a_scene(clock, fates) as scene:
            job = await scene.made()
            assert job.delivered is not None
            assert await scene.money(job.id) == ["alpha pending", "beta pending", "beta voided", "alpha delivered"]

    in_virtual_time(main)


def test_a_late_video_whose_link_is_not_ready_is_looked_at_again() -> None:
    async def main(clock: Clock) -> None:
        fates = {
            "alpha": [Fate(stuck=True, ends_after_s=900.0, broken_fetches=3)],
            "beta": [Fate(ends_after_s=1700.0)],
        }
        async with a_scene(clock, fates) as scene:
            job = await scene.made()
            assert job.delivered is not None
            assert job.delivered.provider == "alpha"

    in_virtual_time(main)


def test_the_end_of_a_late_attempt_is_told_after_a_restart_and_for_a_deleted_job() -> None:
    async def main(clock: Clock, *, delete: bool) -> None:
        async with a_scene(clock, {"alpha": [STALLS]}) as scene:
            job = await scene.made()
            if delete:
                await scene.engine.delete("tester", job.id)
            else:
                await scene.crash()
                await scene.start()
            scene.events.clear()
            await asyncio.sleep(600.0)
            assert (await scene.money(job.id))[-1] == "alpha duplicate"
            (told,) = [each for each in scene.events if isinstance(each, AttemptEnded)]
            assert [entry.cost_kind for entry in told.entries] == ["duplicate"]

    in_virtual_time(lambda clock: main(clock, delete=True))
    in_virtual_time(lambda clock: main(clock, delete=False))


def test_an_attempt_that_never_ends_stays_uncertain() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, {"alpha": [Fate(stuck=True, ends_after_s=None)]}) as scene:
            job = await scene.made()
            await asyncio.sleep(20_000.0)
            assert await scene.money(job.id) == ["alpha pending", "beta pending", "beta delivered"]
            assert (await scene.job(job.id)).attempts[0].state is AttemptState.LATE

    in_virtual_time(main)
