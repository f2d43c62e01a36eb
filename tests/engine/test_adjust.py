"""What an invoice says is booked beside what the ledger said, once; budgets, and what a job may spend, count it."""

import asyncio
from dataclasses import replace

import pytest

from providers.canonical import Failure, Reason, Stage
from router.core.budget import BudgetKey, BudgetScope
from router.core.clock import Clock
from router.core.events import LedgerAdjusted
from router.core.ledger import AdjustmentError, CostKind, EntryKind, LedgerEntry
from router.engine.exchange import NoAnswer
from tests.engine.scripted import Fate, Scene, a_scene
from tests.virtual_time import in_virtual_time

LIMITS: dict[BudgetKey, int] = {(BudgetScope.PROVIDER, "alpha"): 1_000_000}


async def code_of(scene: Scene, attempt_id: str, to_microusd: int) -> str:
    with pytest.raises(AdjustmentError) as refused:
        await scene.engine.adjust(attempt_id, to_microusd, "invoice 7")
    return refused.value.code


def used(scene: Scene) -> int:
    return scene.budgets.each()[0].used_microusd


def test_a_correction_is_booked_told_and_counted() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, {"alpha": [Fate()]}, daily_limits=LIMITS) as scene:
            job = await scene.made()
            assert used(scene) == 100_000
            entry = await scene.engine.adjust(f"{job.id}-1", 30_000, "invoice 7")
            assert (entry.kind, entry.amount_microusd, entry.cost_kind) == (
                EntryKind.ADJUSTED,
                -70_000,
                CostKind.DELIVERED,
            )
            told = [event.entry for event in scene.events if isinstance(event, LedgerAdjusted)]
            assert told == [entry]
            assert (await scene.books())["alpha"] == (30_000, 0)
            assert used(scene) == 30_000
            await scene.crash()
            await scene.start()
            assert used(scene) == 30_000

    in_virtual_time(main)


def test_what_was_voided_and_billed_after_all_bought_no_video() -> None:
    async def main(clock: Clock) -> None:
        refused = Fate(end=Failure(Stage.PROMPT_REVIEW, Reason.REFUSED))
        async with a_scene(clock, {"alpha": [refused]}) as scene:
            job = await scene.made()
            await scene.engine.adjust(f"{job.id}-1", 5, "invoice 7")
            assert await scene.money(job.id) == ["alpha pending", "alpha voided", "alpha failed_billed"]
            assert (await scene.books())["alpha"] == (5, 0)
            assert (await scene.job(job.id)).attempts[0].billed is True
            await scene.engine.adjust(f"{job.id}-1", 0, "invoice 8")
            assert (await scene.job(job.id)).attempts[0].billed is False

    in_virtual_time(main)


def test_of_two_operators_who_correct_the_same_one_is_told_so() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, {"alpha": [Fate()]}) as scene:
            job = await scene.made()
            write = scene.store.adjust

            async def after_another(entry: LedgerEntry, expected_microusd: int) -> None:
                await write(replace(entry, amount_microusd=-1), expected_microusd)
                await write(entry, expected_microusd)

            scene.store.adjust = after_another  # type: ignore[method-assign]
            assert await code_of(scene, f"{job.id}-1", 30_000) == "changed_meanwhile"
            assert (await scene.books())["alpha"] == (99_999, 0)

    in_virtual_time(main)


def test_what_a_correction_gives_back_a_live_job_may_spend() -> None:
    async def main(clock: Clock) -> None:
        refused = Fate(end=Failure(Stage.GENERATE, Reason.INTERNAL, cost_microusd=100_000), ends_after_s=20.0)
        async with a_scene(clock, {"alpha": [refused], "beta": [Fate(ends_after_s=100.0)]}) as scene:
            accepted = await scene.accept()
            await asyncio.sleep(60.0)
            entry = await scene.engine.adjust(f"{accepted.id}-1", 1, "invoice 7")
            job = await scene.ended(accepted.id)
            assert [attempt.provider for attempt in job.attempts] == ["alpha", "beta"]
            assert entry in await scene.store.entries(job.id)
            assert (await scene.books())["alpha"] == (1, 0)

    in_virtual_time(main)


def test_what_cannot_be_corrected_is_refused() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, {"alpha": [Fate(), Fate(submit=NoAnswer("reset"), taken=True)]}) as scene:
            first, lost = await scene.made(), await scene.made()
            assert await code_of(scene, "video_77-1", 1) == "attempt_not_found"
            assert await code_of(scene, first.id, 1) == "attempt_not_found"
            assert await code_of(scene, f"{first.id}-2", 1) == "attempt_not_found"
            assert await code_of(scene, f"{first.id}-1", 100_000) == "nothing_to_adjust"
            assert await code_of(scene, f"{lost.id}-1", 1) == "money_open"

    in_virtual_time(main)
