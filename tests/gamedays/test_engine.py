"""The same bad hour through the real engine and through the simulation: what the one does, the other tells."""

import asyncio
from math import inf

import pytest

from providers.canonical import Failure, Reason, Stage
from router.core.clock import Clock
from router.engine.exchange import NotSent
from router.simulation.fate import Asked
from router.simulation.fate import Fate as Simulated
from router.simulation.place import Setup
from router.simulation.result import Arrival
from router.simulation.routers import OurRouter
from router.simulation.runner import simulate
from tests.builders import a_video
from tests.engine.scripted import PLAIN_LIMITS, Fate, Scene, a_scene
from tests.virtual_time import in_virtual_time

JOBS, EVERY_S = 160, 15.0
BEGIN_S, END_S = 600.0, 1200.0
OUTAGE = Failure(Stage.SUBMIT, Reason.UNREACHABLE)
STORM = Failure(Stage.SUBMIT, Reason.RATE_LIMITED, retry_after_s=1.0)
Submits = list[tuple[float, str]]


class BadHour(list[Fate]):
    """The fates of whoever answers every submit with a failure for a while."""

    def __init__(self, clock: Clock, failure: Failure) -> None:
        super().__init__([Fate()])
        self._clock = clock
        self._answer = NotSent("refused") if failure.reason is Reason.UNREACHABLE else failure

    def pop(self, _index: object = -1) -> Fate:
        bad = BEGIN_S <= self._clock.monotonic() < END_S
        return Fate(self._answer) if bad else Fate()


class SameHour:
    """The same as a world."""

    def __init__(self, failure: Failure) -> None:
        self._failure = failure

    def fate(self, asked: Asked) -> Simulated:
        bad = asked.offering.provider == "alpha" and BEGIN_S <= asked.at_s < END_S
        if bad:
            return Simulated(0.5, self._failure)
        return Simulated(0.5, None, 60.0, None, inf, asked.quote_microusd)


def through_the_engine(failure: Failure) -> Submits:
    async def hour(clock: Clock) -> Submits:
        async with a_scene(clock, providers=("alpha", "beta")) as scene:
            scene.transport._fates["alpha"] = BadHour(clock, failure)
            return await _submits(scene, clock)

    return in_virtual_time(hour)


async def _submits(scene: Scene, clock: Clock) -> Submits:
    ids = []
    for number in range(JOBS):
        await asyncio.sleep(max(0.0, number * EVERY_S - clock.monotonic()))
        ids.append((await scene.accept()).id)
    jobs = [await scene.ended(job_id) for job_id in ids]
    assert all(job.delivered for job in jobs)
    begin = jobs[0].created_at
    return sorted((each.submitted_at - begin, each.provider) for job in jobs for each in job.attempts)


def through_the_simulation(scene_catalog: Setup, failure: Failure) -> Submits:
    arrivals = [Arrival(number * EVERY_S, f"video_{number}", a_video()) for number in range(JOBS)]
    run = simulate(OurRouter(), SameHour(failure), arrivals, scene_catalog)
    assert all(job.delivered for job in run.jobs)
    return sorted((each.at_s, each.provider) for job in run.jobs for each in job.attempts)


def the_setup() -> Setup:
    async def built(clock: Clock) -> Setup:
        async with a_scene(clock, providers=("alpha", "beta")) as scene:
            return Setup(scene.catalog, limits=PLAIN_LIMITS)

    return in_virtual_time(built)


def to_alpha(submits: Submits, begin_s: float = 0.0, end_s: float = inf) -> int:
    return sum(provider == "alpha" and begin_s <= at_s < end_s for at_s, provider in submits)


@pytest.mark.parametrize(
    ("failure", "in_bad_time"), [(OUTAGE, range(6, 12)), (STORM, range(5, 12))], ids=["hard outage", "429 storm"]
)
def test_the_engine_does_what_the_simulation_says(failure: Failure, in_bad_time: range) -> None:
    real, told = through_the_engine(failure), through_the_simulation(the_setup(), failure)
    for submits in (real, told):
        assert to_alpha(submits, BEGIN_S, END_S) in in_bad_time
        # Left within five submits, and back within ten minutes.
        assert to_alpha(submits, BEGIN_S + 5 * EVERY_S + 5, BEGIN_S + 150) <= 3
        assert to_alpha(submits, END_S + 600) >= 0.9 * (JOBS - (END_S + 600) / EVERY_S)
    assert abs(to_alpha(real) - to_alpha(told)) <= 0.1 * JOBS
    assert abs(to_alpha(real, BEGIN_S, END_S) - to_alpha(told, BEGIN_S, END_S)) <= 2
