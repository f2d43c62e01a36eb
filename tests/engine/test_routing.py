"""How the engine lives by its decisions: what it learns, tries out, waits for and keeps of them."""

import asyncio
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from providers.canonical import Failure, Reason, Stage
from router.core.catalog import Catalog
from router.core.clock import Clock
from router.core.events import AttemptStarted, FailoverDelayed
from router.core.job import AttemptState
from router.core.order import NoCandidateError
from router.core.ranking import DecisionReason
from router.core.reporting import DurationClass
from router.core.routing import Decision, Situation, decide
from router.core.routing_settings import ExplorationSettings, RetryBudgetSettings, RoutingPolicy, RoutingSettings
from router.engine import parts
from tests.builders import a_price
from tests.engine.scripted import Fate, Scene, a_scene
from tests.virtual_time import in_virtual_time

BROKEN = Fate(end=Failure(Stage.GENERATE, Reason.INTERNAL), ends_after_s=30.0)
REFUSED = Fate(submit=Failure(Stage.SUBMIT, Reason.INVALID, "not that"))
OVERLOADED = Fate(submit=Failure(Stage.SUBMIT, Reason.OVERLOADED))


def started(scene: Scene) -> list[AttemptStarted]:
    return [event for event in scene.events if isinstance(event, AttemptStarted)]


def use(scene: Scene, routing: RoutingSettings) -> None:
    parts = scene.engine._parts
    parts.use(parts.catalog, parts.health, parts.limits, routing)


def test_an_offering_that_delivers_less_than_it_costs_less_is_left_for_a_dearer_one() -> None:
    async def main(clock: Clock) -> None:
        fates = {"alpha": [Fate(end=BROKEN.end, ends_after_s=30.0) if number % 2 else Fate() for number in range(40)]}
        async with a_scene(clock, fates) as scene:
            # Half of what alpha takes on fails, and waiting for that has its price.
            use(scene, RoutingSettings(microusd_per_minute=100_000, exploration=ExplorationSettings(share=0.0)))
            for _ in range(30):
                await scene.made()
            firsts = Counter(event.attempt.provider for event in started(scene) if event.attempt.number == 1)
            assert firsts["beta"] > 10
            evidence = scene.engine._parts.memory.records.evidence("alpha/clip", "alpha", DurationClass.SHORT)
            assert evidence.success < 0.8

    in_virtual_time(main)


def test_a_refusal_teaches_nothing_about_a_provider() -> None:
    async def main(clock: Clock) -> None:
        fates = {"alpha": [Fate(end=Failure(Stage.PROMPT_REVIEW, Reason.REFUSED)) for _ in range(20)]}
        async with a_scene(clock, fates) as scene:
            for _ in range(20):
                assert (await scene.made()).failure is not None
            assert scene.posts() == {"alpha": 20}
            assert (
                scene.engine._parts.memory.records.evidence("alpha/clip", "alpha", DurationClass.SHORT).outcomes == 0.0
            )

    in_virtual_time(main)


def test_without_fallbacks_a_job_ends_with_its_first_attempt() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, {"alpha": [OVERLOADED]}) as scene:
            job = await scene.made(allow_fallbacks=False)
            assert job.failure is not None
            assert (job.failure.reason, scene.posts()) == (Reason.OVERLOADED, {"alpha": 1})

    in_virtual_time(main)


def test_a_callers_order_is_followed_through_the_failovers() -> None:
    async def main(clock: Clock) -> None:
        fates = {"gamma": [OVERLOADED], "beta": [OVERLOADED]}
        async with a_scene(clock, fates, providers=("alpha", "beta", "gamma")) as scene:
            job = await scene.made(order=("gamma", "beta"))
            assert [attempt.provider for attempt in job.attempts] == ["gamma", "beta", "alpha"]
            strict = await scene.made(order=("gamma",), allow_fallbacks=False)
            assert [attempt.provider for attempt in strict.attempts] == ["gamma"]

    in_virtual_time(main)


def test_failovers_wait_for_their_turn_and_no_job_is_lost_for_it() -> None:
    async def main(clock: Clock) -> None:
        fates = {"alpha": [REFUSED for _ in range(30)]}
        async with a_scene(clock, fates) as scene:
            use(scene, RoutingSettings(retry_budget=RetryBudgetSettings(share=0.0, per_s=0.1)))
            jobs = [await scene.accept() for _ in range(30)]
            ended = [await scene.ended(job.id) for job in jobs]
            assert {job.state.value for job in ended} == {"completed"}
            second = sorted(event.at for event in started(scene) if event.attempt.number == 2)
            assert len(second) == 30
            # A bucket of one at 0.1/s: the last of them came five minutes later.
            assert second[-1] - second[0] >= 280.0
            waited = [event for event in scene.events if isinstance(event, FailoverDelayed)]
            assert len(waited) == len({event.job.id for event in waited}) == 29
            assert {event.left.provider for event in waited} == {"alpha"}
            assert all(event.wait_s > 0.0 for event in waited)

    in_virtual_time(main)


def test_fixed_shares_are_kept_to_the_job() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock) as scene:
            use(scene, RoutingSettings(policy=RoutingPolicy.WEIGHTED))
            for _ in range(20):
                await scene.made()
            assert scene.posts() == {"alpha": 10, "beta": 10}
            assert {event.reason for event in started(scene)} == {DecisionReason.WEIGHTED}

    in_virtual_time(main)


def test_a_cheap_provider_that_recovered_is_found_again_and_gets_its_jobs_back() -> None:
    async def main(clock: Clock) -> None:
        fates = {"alpha": [OVERLOADED for _ in range(6)]}
        async with a_scene(clock, fates) as scene:
            jobs = []
            for _ in range(240):
                jobs.append(await scene.accept())
                await asyncio.sleep(2.0)
            ended = [await scene.ended(job.id) for job in jobs]
            providers = [job.attempts[-1].provider for job in ended]
            assert {job.state.value for job in ended} == {"completed"}
            assert set(providers[:10]) == {"beta"}
            assert set(providers[-20:]) == {"alpha"}
            probes = [event for event in started(scene) if event.reason is DecisionReason.PROBE]
            assert 1 <= len(probes) <= 6

    in_virtual_time(main)


def test_one_that_is_drained_while_a_job_waits_gets_nothing_and_what_runs_there_is_seen_through() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, providers=("alpha",)) as scene:
            job = await scene.accept()
            scene.health["alpha"].drain(on=True)
            await asyncio.sleep(1.0)
            with pytest.raises(NoCandidateError):
                await scene.accept()
            first = await scene.ended(job.id)
            assert [attempt.state for attempt in first.attempts] in ([], [AttemptState.SUCCEEDED])
            scene.health["alpha"].drain(on=False)
            assert (await scene.made()).state.value == "completed"

    in_virtual_time(main)


def test_why_each_attempt_went_where_it_went_is_kept_with_it() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, {"alpha": [OVERLOADED]}) as scene:
            job = await scene.made()
            (first, why_first), (second, why_second) = await scene.store.decisions(job.id)
            assert [first, second] == [attempt.id for attempt in job.attempts]
            assert [each.offering for each in why_first.candidates] == ["alpha/clip", "beta/clip"]
            assert (why_first.chosen, why_second.chosen) == ("alpha/clip", "beta/clip")
            assert [(each.offering, each.cause.value) for each in why_second.exclusions] == [("alpha/clip", "tried")]

    in_virtual_time(main)


def test_what_was_learned_of_an_offering_survives_a_new_price() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock) as scene:
            for _ in range(6):
                await scene.made()
            scene.use(prices={"alpha": 160_000})
            record = scene.engine.quote((await scene.accept()).video, (await scene.accept()).preferences, "tester")
            known = {each.offering: (each.quote_microusd, round(each.outcomes)) for each in record.candidates}
            assert known["alpha/clip"] == (a_price(160_000).tiers[0].amount_microusd, 6)

    in_virtual_time(main)


def test_fixed_shares_are_kept_when_a_hundred_jobs_come_at_once() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock) as scene:
            parts = scene.engine._parts
            weights = {"alpha": 70.0, "beta": 30.0}
            offerings = tuple(replace(each, weight=weights[each.provider]) for each in parts.catalog.offerings)
            catalog = Catalog.of(tuple(parts.catalog.providers.values()), offerings)
            parts.use(catalog, parts.health, parts.limits, RoutingSettings(policy=RoutingPolicy.WEIGHTED))
            jobs = await asyncio.gather(*(scene.accept() for _ in range(100)))
            assert {(await scene.ended(job.id)).state.value for job in jobs} == {"completed"}
            assert scene.posts() == {"alpha": 70, "beta": 30}

    in_virtual_time(main)


def test_a_crowd_does_not_overspend_what_trials_may_cost() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, {"alpha": [BROKEN, BROKEN]}) as scene:
            trials = ExplorationSettings(share=0.5, outcomes_min=50, microusd_per_day=60_000)
            use(scene, RoutingSettings(exploration=trials, undelivered_microusd=15_000_000))
            for name, times in (("beta", 30), ("alpha", 4)):
                for _ in range(times):
                    await scene.made(only=(name,))
            for _ in range(2):
                jobs = await asyncio.gather(*(scene.accept() for _ in range(100)))
                assert {(await scene.ended(job.id)).state.value for job in jobs} == {"completed"}
            assert 0 < scene.engine._parts.memory.exploration.used_microusd <= trials.microusd_per_day

    in_virtual_time(main)


def test_many_failovers_that_wait_are_not_routed_at_every_turn() -> None:
    async def main(clock: Clock) -> None:
        broken = [Fate(end=BROKEN.end, ends_after_s=120.0)] * 300
        async with a_scene(clock, {"alpha": broken}, in_flight_max=1000) as scene:
            use(scene, RoutingSettings(retry_budget=RetryBudgetSettings(share=0.0, per_s=2.0)))
            jobs = [await scene.accept() for _ in range(300)]
            asked = Counter[str]()
            situation = scene.engine._parts.memory.situation

            def counted(*args: Any) -> Situation:
                asked["decisions"] += 1
                return situation(*args)

            scene.engine._parts.memory.situation = counted
            assert {(await scene.ended(job.id)).state.value for job in jobs} == {"completed"}
            seconds = [event for event in started(scene) if event.attempt.number == 2]
            assert [event.at for event in seconds] == sorted(event.at for event in seconds)
            assert len(seconds) == 300
            assert asked["decisions"] <= 4 * 300

    in_virtual_time(main)


def test_a_job_that_ends_in_the_line_of_failovers_keeps_nobody_waiting() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, {"alpha": [REFUSED] * 4}) as scene:
            use(scene, RoutingSettings(retry_budget=RetryBudgetSettings(share=0.0, per_s=0.1)))
            jobs = [await scene.accept() for _ in range(4)]
            await asyncio.sleep(2.0)
            # All but the first wait; the next of them is given up by its caller.
            await scene.engine.delete("tester", jobs[1].id)
            for job in (jobs[0], *jobs[2:]):
                assert (await scene.ended(job.id, 300.0)).state.value == "completed"
            assert scene.posts() == {"alpha": 4, "beta": 3}

    in_virtual_time(main)


@pytest.mark.parametrize("policy", [RoutingPolicy.EXPECTED_COST, RoutingPolicy.WEIGHTED])
def test_each_of_a_crowd_of_creates_is_decided_once_and_knows_of_those_before(
    policy: RoutingPolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    decided = []

    def counted(*given: Any) -> Decision:
        decided.append(given)
        return decide(*given)

    async def main(clock: Clock) -> None:
        async with a_scene(clock) as scene:
            for _ in range(6):
                await scene.made()
            use(scene, RoutingSettings(policy=policy))
            monkeypatch.setattr(parts, "decide", counted)
            jobs = await asyncio.gather(*(scene.accept() for _ in range(20)))
            await asyncio.sleep(5.0)
            assert len(decided) == 20
            assert {(await scene.ended(job.id)).state.value for job in jobs} == {"completed"}

    in_virtual_time(main)
