"""A day's budgets before the engine: no race, no crash, no lost answer and no midnight makes it spend more."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.canonical import Failure, ImageFile, Reason, Stage, Succeeded
from router.core.budget import (
    CALLER_BUDGET_USED,
    DAY_S,
    PROVIDER_BUDGETS_USED,
    BudgetKey,
    BudgetScope,
    day_of,
    day_start,
)
from router.core.clock import Clock
from router.core.eligibility import ExclusionCause
from router.core.events import AttemptEnded, AttemptStarted
from router.core.job import AttemptState, JobState
from router.core.ledger import EntryKind
from router.core.order import NoCandidateError, Order, UnconfirmedError
from router.core.policy import JobLimits, OnAmbiguous
from router.engine.exchange import NoAnswer, NotSent
from router.engine.store import StoreUnavailableError
from tests.builders import EPOCH, a_video
from tests.engine.lying import lie
from tests.engine.scripted import PRICES, Fate, Scene, a_scene
from tests.locking import locked
from tests.virtual_time import in_virtual_time

ALPHA, BETA = (BudgetScope.PROVIDER, "alpha"), (BudgetScope.PROVIDER, "beta")
TESTER = (BudgetScope.CALLER, "tester")
TO_MIDNIGHT_S = day_start(EPOCH) + DAY_S - EPOCH
REFUSED = Failure(Stage.SUBMIT, Reason.INVALID, "not that")
BROKEN = Failure(Stage.GENERATE, Reason.INTERNAL)


def used(scene: Scene) -> dict[str, int]:
    return {each.name: each.used_microusd for each in scene.budgets.each()}


async def booked(scene: Scene) -> dict[str, int]:
    """What the ledger says of the attempts that were submitted today, by the names that have a budget."""
    found = dict.fromkeys((each.name for each in scene.budgets.each()), 0)
    today = day_of(scene.clock.wall())
    for number in range(1, scene.accepted + 1):
        job = await scene.store.job(f"video_{number}")
        if job is None:
            continue
        entries = await scene.store.entries(job.id)
        for attempt in job.attempts:
            if day_of(attempt.submitted_at) != today:
                continue
            closing = [each for each in entries if each.attempt_id == attempt.id and each.kind != EntryKind.PENDING]
            kept = [each.amount_microusd for each in closing if each.kind == EntryKind.POSTED]
            cost = sum(kept) if closing else attempt.quote_microusd
            for name in {attempt.provider, job.caller} & found.keys():
                found[name] += cost
    return found


def most_used(scene: Scene, name: str) -> int:
    """The most that was ever taken at once of a budget, retraced from the events, told costs included."""
    taken: dict[str, int] = {}
    most = 0
    for event in scene.events:
        if isinstance(event, AttemptStarted) and name in (event.attempt.provider, event.job.caller):
            taken[event.attempt.id] = event.attempt.quote_microusd
        if isinstance(event, AttemptEnded) and event.attempt.id in taken:
            for entry in event.entries:
                taken[entry.attempt_id] = entry.amount_microusd if entry.kind is EntryKind.POSTED else 0
        most = max(most, sum(taken.values()))
    return most


async def accepted_as_one(scene: Scene, jobs: int) -> list[str]:
    """Order so many at once, and return the ids of those that were accepted."""
    tried = await asyncio.gather(*(scene.accept() for _ in range(jobs)), return_exceptions=True)
    assert {type(each) for each in tried if isinstance(each, BaseException)} <= {NoCandidateError}
    return [each.id for each in tried if not isinstance(each, BaseException)]


def test_of_a_thousand_jobs_at_once_as_many_are_bought_as_the_budgets_allow() -> None:
    async def main(clock: Clock) -> None:
        limits = {ALPHA: 12_345_678, BETA: 1_499_999, TESTER: 10**9}
        async with a_scene(clock, daily_limits=limits) as scene:
            ids = await accepted_as_one(scene, 1000)
            ends = [await scene.ended(each) for each in ids]
            assert scene.posts() == {"alpha": 123, "beta": 9}
            assert [each.state for each in ends].count(JobState.COMPLETED) == 132
            assert {each.failure and each.failure.code for each in ends} == {None, PROVIDER_BUDGETS_USED}
            assert used(scene) == await booked(scene)
            assert used(scene) == {"alpha": 12_300_000, "beta": 1_350_000, "tester": 13_650_000}

    in_virtual_time(main)


def test_a_thousand_jobs_of_one_caller_at_once_cost_no_more_than_its_day_has() -> None:
    async def main(clock: Clock) -> None:
        # Some are refused and give back what they took, while others are still on their way.
        fates = {"alpha": [Fate(submit=REFUSED if number % 3 else None) for number in range(1000)]}
        limits = {TESTER: 5_050_000}
        async with a_scene(clock, fates, daily_limits=limits, in_flight_max=1000) as scene:
            ids = await accepted_as_one(scene, 1000)
            ends = [await scene.ended(each) for each in ids]
            assert {str(each.failure.reason) for each in ends if each.failure} == {Reason.BUDGET}
            assert {each.failure.code for each in ends if each.failure} == {CALLER_BUDGET_USED}
            assert most_used(scene, "tester") <= 5_050_000
            assert used(scene) == await booked(scene)

    in_virtual_time(main)


def test_a_provider_whose_day_is_spent_is_passed_over_for_the_next() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, daily_limits={ALPHA: 199_999}) as scene:
            first, second = await scene.made(), await scene.made()
            assert [job.attempts[0].provider for job in (first, second)] == ["alpha", "beta"]
            (exclusion,) = scene.engine.quote(second.video, second.preferences, "tester").exclusions
            assert (exclusion.cause, exclusion.provider) == (ExclusionCause.PROVIDER_BUDGET, "alpha")
            assert "daily_budget_usd until 00:00 UTC" in exclusion.message
            assert exclusion.retry_after_s == TO_MIDNIGHT_S - clock.monotonic()

    in_virtual_time(main)


def test_at_midnight_the_cheapest_is_asked_again() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, daily_limits={ALPHA: 100_000}) as scene:
            await scene.made()
            await asyncio.sleep(TO_MIDNIGHT_S - clock.monotonic() - 1)
            assert (await scene.made()).attempts[0].provider == "beta"
            await asyncio.sleep(max(0.0, TO_MIDNIGHT_S - clock.monotonic()))
            assert used(scene) == {"alpha": 0}
            assert (await scene.made()).attempts[0].provider == "alpha"
            assert used(scene) == await booked(scene) == {"alpha": 100_000}

    in_virtual_time(main)


def test_a_restart_after_midnight_counts_what_was_submitted_since() -> None:
    async def main(clock: Clock) -> None:
        lost = Fate(submit=NoAnswer("reset"))
        async with a_scene(clock, {"alpha": [Fate(), lost, Fate(), lost]}, daily_limits={ALPHA: 10**6}) as scene:
            for _ in range(2):
                await scene.made()
            await asyncio.sleep(TO_MIDNIGHT_S - clock.monotonic())
            for _ in range(2):
                await scene.made()
            await scene.crash()
            await scene.start()
            assert used(scene) == await booked(scene) == {"alpha": 200_000}

    in_virtual_time(main)


def test_a_job_waits_for_midnight_when_its_time_allows() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, providers=("alpha",), daily_limits={ALPHA: 100_000}) as scene:
            await asyncio.sleep(TO_MIDNIGHT_S - 1800.0)
            one, two = await accepted_as_one(scene, 2)
            assert {(await scene.ended(each)).state for each in (one, two)} == {JobState.COMPLETED}
            assert TO_MIDNIGHT_S <= clock.monotonic() < TO_MIDNIGHT_S + 300.0
            assert used(scene) == await booked(scene) == {"alpha": 100_000}

    in_virtual_time(main)


def test_a_create_beyond_the_callers_day_stores_nothing() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, daily_limits={TESTER: 199_999}) as scene:
            await scene.made()
            with pytest.raises(NoCandidateError) as caught:
                await scene.accept()
            decision = caught.value.decision
            assert decision.caller_budget_stops
            assert not decision.may_pass
            assert decision.day_ends_in_s == TO_MIDNIGHT_S - clock.monotonic()
            assert {each.message for each in decision.exclusions} == {
                "costs more than the 0.099999 USD left of your daily_budget_usd until 00:00 UTC"
            }
            assert await scene.store.job("video_2") is None
            assert len((await scene.engine.jobs("tester", limit=10, after=None, descending=True)).jobs) == 1
            stranger = Order("stranger", a_video(prompt="video_2"))
            assert (await scene.engine.accept(stranger)).job.caller == "stranger"

    in_virtual_time(main)


def test_a_failover_that_the_callers_day_does_not_allow_ends_the_job() -> None:
    async def main(clock: Clock) -> None:
        failed = Fate(end=Failure(Stage.GENERATE, Reason.INTERNAL))
        async with a_scene(clock, {"alpha": [failed]}, daily_limits={TESTER: 149_999}) as scene:
            job = await scene.made()
            assert job.failure is not None
            assert (job.failure.stage, job.failure.reason) == (Stage.ROUTE, Reason.BUDGET)
            assert job.failure.code == CALLER_BUDGET_USED
            assert "daily_budget_usd of caller tester" in job.failure.message
            assert scene.posts() == {"alpha": 1}
            assert used(scene) == {"tester": 0}

    in_virtual_time(main)


@pytest.mark.parametrize(
    ("fate", "kept"),
    [
        (Fate(submit=NotSent("refused")), 0),
        (Fate(submit=REFUSED), 0),
        (Fate(end=Failure(Stage.GENERATE, Reason.INTERNAL)), 0),
        (Fate(end=Failure(Stage.GENERATE, Reason.INTERNAL, cost_microusd=40_000)), 40_000),
        (Fate(submit=NoAnswer("reset")), 100_000),
        (Fate(end=Succeeded(cost_microusd=3)), 3),
        (Fate(end=Succeeded(cost_microusd=900_000)), 900_000),
        (Fate(end=Succeeded(cost_microusd=1_000_001)), 100_000),
    ],
)
def test_an_attempt_keeps_of_the_budget_what_it_cost_or_may_cost(fate: Fate, kept: int) -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, {"alpha": [fate]}, providers=("alpha",), daily_limits={ALPHA: 100_000}) as scene:
            await scene.made()
            assert used(scene) == await booked(scene) == {"alpha": kept}

    in_virtual_time(main)


def test_a_late_attempt_stays_counted_until_its_money_is_known() -> None:
    async def main(clock: Clock) -> None:
        late = Fate(stuck=True, ends_after_s=3000.0, end=Failure(Stage.GENERATE, Reason.INTERNAL))
        async with a_scene(clock, {"alpha": [late]}, daily_limits={ALPHA: 100_000}) as scene:
            job = await scene.made()
            assert job.attempts[0].state is AttemptState.LATE
            assert used(scene) == {"alpha": 100_000}
            await asyncio.sleep(3000.0)
            assert used(scene) == await booked(scene) == {"alpha": 0}

    in_virtual_time(main)


def test_a_late_settlement_after_midnight_leaves_the_new_day_alone() -> None:
    async def main(clock: Clock) -> None:
        late = Fate(stuck=True, ends_after_s=3000.0, end=Succeeded(cost_microusd=777_777))
        async with a_scene(clock, {"alpha": [late]}, daily_limits={ALPHA: 100_000}) as scene:
            await asyncio.sleep(TO_MIDNIGHT_S - 900.0)
            job = await scene.made()
            assert job.delivered is not None
            await asyncio.sleep(3000.0)
            assert await scene.money(job.id) == [
                *("alpha pending", "beta pending", "beta delivered", "alpha duplicate"),
            ]
            assert used(scene) == {"alpha": 0}
            assert (await scene.made()).attempts[0].provider == "alpha"

    in_virtual_time(main)


def test_an_intent_that_cannot_be_written_gives_back_what_it_took(tmp_path: Path) -> None:
    async def main(clock: Clock) -> None:
        path = tmp_path / "router.db"
        async with a_scene(clock, path=path, daily_limits={ALPHA: 100_000, TESTER: 100_000}) as scene:
            with locked(path):
                with pytest.raises(UnconfirmedError):
                    await scene.accept()
                assert used(scene) == {"alpha": 0, "tester": 0}
            assert (await scene.made()).state is JobState.COMPLETED
            assert used(scene) == await booked(scene) == {"alpha": 100_000, "tester": 100_000}

    in_virtual_time(main)


def test_an_intent_that_was_written_after_all_is_counted() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, providers=("alpha",), daily_limits={ALPHA: 100_000}) as scene:
            lie(scene.store)
            with pytest.raises(UnconfirmedError):
                await scene.accept()
            # Only the process that did not send it knows that; the next one has to take it for sent.
            await scene.crash()
            await scene.start()
            assert (await scene.ended("video_1")).attempts[0].state is AttemptState.UNKNOWN
            assert scene.posts() == {}
            assert used(scene) == await booked(scene) == {"alpha": 100_000}

    in_virtual_time(main)


@pytest.mark.parametrize("lies", [(1,), (2,), (1, 2, 3)])
@pytest.mark.parametrize("end", [BROKEN, Succeeded(cost_microusd=3), Succeeded(cost_microusd=900_000)])
@pytest.mark.parametrize("ends_after_s", [60.0, 3000.0])
def test_what_was_booked_after_all_is_counted(ends_after_s: float, end: Succeeded | Failure, lies: set[int]) -> None:
    async def main(clock: Clock) -> None:
        fates = {"alpha": [Fate(ends_after_s=ends_after_s, stuck=True, end=end)]}
        async with a_scene(clock, fates, daily_limits={ALPHA: 10**6, BETA: 10**6, TESTER: 10**6}) as scene:
            write, writes = scene.store.settle, count(1)

            async def written_and_denied(*given: Any) -> None:
                await write(*given)
                if next(writes) in lies:
                    raise StoreUnavailableError("disk I/O error")

            scene.store.settle = written_and_denied  # type: ignore[method-assign]
            await scene.made()
            await asyncio.sleep(5000.0)
            assert used(scene) == await booked(scene)
            assert [open_microusd for _, open_microusd in (await scene.books()).values()] == [0, 0, 0]
            assert len(scene.engine._watches) == 0

    in_virtual_time(main)


def test_a_job_whose_images_are_gone_takes_nothing() -> None:
    async def main(clock: Clock) -> None:
        refused = {"alpha": [Fate(submit=Failure(Stage.SUBMIT, Reason.OVERLOADED))]}
        async with a_scene(clock, refused, daily_limits={BETA: 150_000}) as scene:
            scene.accepted += 1
            image = ImageFile(b"png", "image/png", "a.png")
            scene.catalog = scene.catalog.of(
                tuple(scene.catalog.providers.values()),
                tuple(
                    replace(each, image_inputs=frozenset({"file"}), images_max=1) for each in scene.catalog.offerings
                ),
            )
            await scene.start()

            async def none_left(job_id: str) -> dict[int, bytes]:
                return {}

            scene.store.images = none_left  # type: ignore[method-assign]
            order = Order("tester", a_video(prompt="video_1", images=(image,)))
            job = (await scene.engine.accept(order)).job
            assert (await scene.ended(job.id)).failure == Failure(
                Stage.ROUTE, Reason.INTERNAL, "the bytes of its input images are gone"
            )
            assert used(scene) == {"beta": 0}

    in_virtual_time(main)


_ends = st.sampled_from(
    [
        Fate(),
        Fate(end=Succeeded(cost_microusd=250_000)),
        Fate(end=Succeeded(cost_microusd=1)),
        Fate(submit=NotSent("refused")),
        Fate(submit=NoAnswer("reset")),
        Fate(submit=NoAnswer("reset"), taken=True),
        Fate(submit=REFUSED),
        Fate(end=Failure(Stage.GENERATE, Reason.INTERNAL)),
        Fate(stuck=True, ends_after_s=900.0),
        Fate(stuck=True, ends_after_s=2500.0, end=Failure(Stage.GENERATE, Reason.INTERNAL)),
        Fate(stuck=True, ends_after_s=None),
    ]
)


@settings(max_examples=60, deadline=None)
@given(
    fates=st.fixed_dictionaries({"alpha": st.lists(_ends, max_size=6), "beta": st.lists(_ends, max_size=6)}),
    limits=st.dictionaries(st.sampled_from([ALPHA, BETA, TESTER]), st.sampled_from([0, 150_000, 399_999, 10**7])),
    waits=st.lists(st.sampled_from([0.0, 0.3, 40.0, 700.0, 3000.0]), min_size=1, max_size=6),
    restarts=st.sets(st.integers(0, 5), max_size=3),
)
def test_what_is_used_is_what_the_ledger_says_after_every_crash(
    fates: Mapping[str, list[Fate]], limits: dict[BudgetKey, int], waits: list[float], restarts: set[int]
) -> None:
    policy = JobLimits(on_ambiguous=OnAmbiguous.FAILOVER, duplicate_microusd_max=10**6)

    async def main(clock: Clock) -> None:
        async with a_scene(clock, fates, policy, daily_limits=limits) as scene:
            await asyncio.sleep(TO_MIDNIGHT_S - 2000.0)
            for step, wait_s in enumerate(waits):
                await accepted_as_one(scene, 2)
                await asyncio.sleep(wait_s)
                if step in restarts:
                    await scene.crash()
                    await scene.start()
                assert used(scene) == await booked(scene)
            for name, microusd in used(scene).items():
                assert microusd <= _limit(limits, name) or "told more" in _costs(fates)
            await asyncio.sleep(4000.0)
            assert used(scene) == await booked(scene)

    in_virtual_time(main)


def _limit(limits: Mapping[BudgetKey, int], name: str) -> int:
    return next(limit for (_, each), limit in limits.items() if each == name)


def _costs(fates: Mapping[str, list[Fate]]) -> set[str]:
    told = [fate.end.cost_microusd or 0 for each in fates.values() for fate in each]
    return {"told more" for cost in told if cost > max(PRICES.values())}
