"""A scenario: a configuration, a made-up world, and what is asked of them; and everybody who is put through it."""

from dataclasses import dataclass, replace

from router.simulation.comparison import Comparison
from router.simulation.oracle import Clairvoyant, Informed
from router.simulation.place import Setup
from router.simulation.result import Run
from router.simulation.routers import ListOrder, LowestQuote, OurRouter, RoundRobin, Router
from router.simulation.runner import START_AT, Reload, simulate
from router.simulation.traffic import Traffic
from router.simulation.world import SyntheticWorld


@dataclass(frozen=True, slots=True)
class Scenario:
    """Everything but chance; `start_at` is wall seconds."""

    setup: Setup
    world: SyntheticWorld
    traffic: Traffic
    reloads: tuple[Reload, ...] = ()
    start_at: float = START_AT

    def compared(self, seed: int, jobs: int | None = None) -> Comparison:
        """Run this router, the others and both oracles over the same requests, in the same world."""
        informed, clairvoyant = Informed(self.world_of(seed)), Clairvoyant(self.world_of(seed))
        runs = tuple(self.run(router, seed, jobs) for router in routers())
        return Comparison(runs, self.run(clairvoyant, seed, jobs), self.run(informed, seed, jobs))

    def run(self, router: Router, seed: int, jobs: int | None = None) -> Run:
        """Run one router, with another number of requests where `jobs` says so."""
        traffic = self.traffic if jobs is None else replace(self.traffic, jobs=jobs)
        return simulate(
            router,
            self.world_of(seed),
            traffic.arrivals(seed),
            self.setup,
            reloads=self.reloads,
            start_at=self.start_at,
            seed=seed,
        )

    def world_of(self, seed: int) -> SyntheticWorld:
        """Return the world as its dice fall with this seed."""
        return replace(self.world, seed=seed)


def routers() -> tuple[Router, ...]:
    """This router, and those who stand beside it: as they come, and with this router's breakers."""
    others = (ListOrder, LowestQuote, RoundRobin)
    return (OurRouter(), *(other(health=health) for other in others for health in (False, True)))
