"""What routing has learned outlives a restart: the store knows how every attempt ended, and what is under way."""

import asyncio

import pytest

from providers.canonical import Failure, Reason, Stage
from router.core.clock import Clock
from router.core.evidence import Evidence, Load
from router.core.job import AttemptState
from router.core.preferences import RoutingPreferences
from router.core.reporting import DurationClass
from tests.builders import a_video
from tests.engine.scripted import Fate, Scene, a_scene
from tests.virtual_time import in_virtual_time

UNKNOWN_SUCCESS = 0.95
NAMES = ("alpha", "beta")
BROKEN = Failure(Stage.GENERATE, Reason.INTERNAL, "something broke")
STALLS = Fate(ends_after_s=None, stuck=True)


def learned(scene: Scene) -> dict[str, Evidence]:
    records = scene.engine._parts.memory.records
    return {name: records.evidence(f"{name}/clip", name, DurationClass.SHORT) for name in NAMES}


def load(scene: Scene) -> dict[str, Load]:
    records = scene.engine._parts.memory.records
    return {name: records.load(f"{name}/clip", DurationClass.SHORT) for name in NAMES}


def shares(scene: Scene) -> dict[str, float]:
    record = scene.engine.quote(a_video(), RoutingPreferences(), "tester")
    return {each.provider: each.share for each in record.candidates}


async def restart(scene: Scene) -> None:
    await scene.crash()
    await scene.start()


def test_a_restarted_router_routes_as_it_did_before() -> None:
    async def main(clock: Clock) -> None:
        flaky = [Fate(end=BROKEN), Fate(ends_after_s=200.0), STALLS, Fate(end=BROKEN), Fate(), Fate(end=BROKEN)]
        async with a_scene(clock, {"alpha": flaky}) as scene:
            unknown = learned(scene)
            for _ in range(9):
                await scene.made()
                await asyncio.sleep(300.0)
            before, shared = learned(scene), shares(scene)
            assert before["alpha"].success < unknown["alpha"].success < before["beta"].success
            await restart(scene)
            assert shares(scene) == pytest.approx(shared)
            for name, evidence in learned(scene).items():
                assert evidence == pytest.approx(before[name], rel=0.01)

    in_virtual_time(main)


def test_what_is_under_way_is_in_flight_after_a_restart_and_leaves_once() -> None:
    async def main(clock: Clock) -> None:
        async with a_scene(clock, {"alpha": [Fate(ends_after_s=600.0), Fate(ends_after_s=600.0)]}) as scene:
            jobs = [await scene.accept(only=("alpha",)) for _ in range(2)]
            await asyncio.sleep(100.0)
            before = load(scene)
            await restart(scene)
            assert load(scene) == before
            assert before["alpha"].in_flight == 2
            assert before["alpha"].age_s == pytest.approx(100.0, abs=5.0)
            for job in jobs:
                await scene.ended(job.id)
            assert load(scene)["alpha"].in_flight == 0
            assert learned(scene)["alpha"].outcomes == pytest.approx(2.0, abs=0.01)

    in_virtual_time(main)


def test_an_attempt_that_its_job_left_stays_a_failure_when_its_video_comes_late() -> None:
    async def main(clock: Clock) -> None:
        late = Fate(ends_after_s=2500.0, stuck=True)
        async with a_scene(clock, {"alpha": [late]}) as scene:
            job = await scene.made()
            await asyncio.sleep(3000.0)
            stored = await scene.store.any_job(job.id)
            assert stored is not None
            assert [each.state for each in stored.attempts] == [AttemptState.SUCCEEDED, AttemptState.SUCCEEDED]
            await restart(scene)
            alpha, beta = learned(scene).values()
            assert alpha.success < UNKNOWN_SUCCESS < beta.success
            assert alpha.billed_share > 0.0

    in_virtual_time(main)
