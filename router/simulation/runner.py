"""Runs requests through a router in a world, on virtual time."""

from collections.abc import Iterable, Sequence
from functools import partial
from random import Random
from typing import Final, NamedTuple

from router.core.job import Job
from router.core.terms import terms_of
from router.simulation.fate import World
from router.simulation.place import Place, Setup
from router.simulation.result import Arrival, JobResult, Run
from router.simulation.routers import Router
from router.simulation.simulated_job import SimulatedJob
from router.simulation.virtual_time import VirtualTime

START_AT: Final = 1_793_577_600.0
"""Wall seconds at which a simulation begins that names no day: midnight, UTC."""


class Reload(NamedTuple):
    """Another configuration that is put in force `at_s` after the start."""

    at_s: float
    setup: Setup


def simulate(
    router: Router,
    world: World,
    arrivals: Sequence[Arrival],
    setup: Setup,
    *,
    reloads: Iterable[Reload] = (),
    start_at: float = START_AT,
    seed: int = 0,
) -> Run:
    """Take every request to its end, and all money to where it is known; the same arguments give the same result."""
    time = VirtualTime(start_at)
    place = Place(router, world, setup, time, Random(f"router {seed}"))
    door = _Door(place)
    for reload in reloads:
        time.after(reload.at_s, partial(place.use, reload.setup))
    for arrival in arrivals:
        time.after(arrival.at_s, partial(door.take, arrival))
    time.run()
    jobs = tuple(door.result(arrival) for arrival in arrivals)
    return Run(router.name, jobs, tuple(place.moves))


class _Door:
    """Takes requests in, or turns them away when nobody can take them now, and knows what became of them."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._turned_away: dict[str, JobResult] = {}
        self._taken: dict[str, SimulatedJob] = {}

    def take(self, arrival: Arrival) -> None:
        """Route once, and make a job of it if there is anybody for it."""
        place, now = self._place, self._place.now
        decision = place.decide(arrival)
        if decision.first is None:
            at_s, retry_after_s = place.time.now_s, decision.retry_after_s if decision.may_pass else None
            self._turned_away[arrival.job_id] = JobResult(arrival, False, at_s, retry_after_s=retry_after_s)
            return
        deadline_at = now + terms_of(place.setup.limits, arrival.preferences).deadline_s
        preferences = arrival.preferences
        job = Job(arrival.job_id, arrival.caller, arrival.video, now, deadline_at, preferences=preferences)
        self._taken[arrival.job_id] = SimulatedJob(place, arrival, job, decision)

    def result(self, arrival: Arrival) -> JobResult:
        """Say what became of it."""
        taken = self._taken.get(arrival.job_id)
        return self._turned_away[arrival.job_id] if taken is None else taken.result()
