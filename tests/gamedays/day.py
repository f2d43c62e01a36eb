"""A game day: a scenario in which something goes wrong, played by the router, and what is measured of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from math import ceil
from pathlib import Path

from router.config.scenario import load_scenario
from router.core.events import BreakerMoved, BreakerState
from router.core.ranking import DecisionReason
from router.simulation.comparison import Comparison
from router.simulation.oracle import Clairvoyant, Informed
from router.simulation.result import AttemptResult, Run
from router.simulation.routers import OurRouter
from router.simulation.scenario import Scenario

FOLDER = Path(__file__).parent
DAYS = tuple(sorted(path.stem for path in FOLDER.glob("*.yaml")))
SEED = 1
EVIDENCE = 5
"""So many failures are enough to leave a dead provider."""


@dataclass(frozen=True, slots=True)
class Day:
    """What became of all jobs; minutes are since the first of them."""

    name: str
    scenario: Scenario
    run: Run
    comparison: Comparison

    def attempts(self, provider: str, from_min: float = 0.0, to_min: float = 1e9) -> list[AttemptResult]:
        """The submits to a provider between two moments, in their order."""
        found = (attempt for job in self.run.jobs for attempt in job.attempts)
        mine = (each for each in found if each.provider == provider and from_min <= each.at_s / 60 < to_min)
        return sorted(mine, key=lambda each: each.at_s)

    def submits_until_left(self, provider: str, from_min: float, to_min: float) -> int:
        """How many submits a provider got in a bad time that were no probes of it."""
        probes = (DecisionReason.PROBE, DecisionReason.PANIC)
        return sum(each.why not in probes for each in self.attempts(provider, from_min, to_min))

    def left_after_s(self, provider: str, from_min: float, to_min: float) -> float:
        """How long after the EVIDENCE-th failure was known the last submit of a bad time left that was no probe."""
        mine = self.attempts(provider, from_min, to_min)
        known = sorted(each.ended_s for each in mine if not each.delivered)[EVIDENCE - 1 :]
        last = [each.at_s for each in mine if each.why not in (DecisionReason.PROBE, DecisionReason.PANIC)]
        return last[-1] - known[0] if last and known else 0.0

    def probes_per_window(self) -> list[int]:
        """How many submits there were in each ejection, from its begin to the next one, or to its end.

        A probe whose job does not end in the longest ejection holds the place no longer: there begins another window.
        """
        found = []
        for provider, opened, until in self._ejections():
            probes = sum(opened < each.at_s <= until for each in self.attempts(provider))
            reset_s_max = self.scenario.setup.catalog.providers[provider].breaker.reset_s_max
            windows = 1 if until >= 1e9 else 1 + int((until - opened) // reset_s_max)
            found.append(probes if windows == 1 else ceil(probes / windows))
        return found

    def share(self, provider: str, from_min: float, to_min: float) -> float:
        """The share of the jobs of that time whose first submit went to a provider."""
        first = [job.attempts[0] for job in self.run.jobs if job.attempts]
        then = [each for each in first if from_min <= each.at_s / 60 < to_min]
        return sum(each.provider == provider for each in then) / len(then)

    def back_after_min(self, provider: str, recovered_min: float) -> float:
        """How many minutes after its recovery a provider began to have nine in ten jobs, for ten minutes at least."""
        for minutes in range(120):
            begin = recovered_min + minutes
            if self.share(provider, begin, begin + 10) >= 0.9:
                return float(minutes)
        return 120.0

    @property
    def delivered_share(self) -> float:
        """Of the jobs that anybody could deliver, refused ones left out."""
        jobs = self.comparison.judged(self.run)
        return sum(job.delivered for job in jobs) / len(jobs)

    @property
    def regret(self) -> float:
        """How much more a delivered video cost than it cost who knew what was true at every moment."""
        informed = self.comparison.informed
        assert informed is not None
        regret = self.comparison.regret(self.run, informed).overall
        assert regret is not None
        return regret

    def _ejections(self) -> Iterator[tuple[str, float, float]]:
        opened: dict[tuple[str, str], float] = {}
        for move in self.run.moves:
            if not isinstance(move.event, BreakerMoved) or move.event.new is BreakerState.HALF_OPEN:
                continue
            key = (move.event.provider, str(move.event.kind))
            if (since := opened.pop(key, None)) is not None:
                yield key[0], since, move.at_s
            if move.event.new is BreakerState.OPEN:
                opened[key] = move.at_s
        for (provider, _), since in opened.items():
            yield provider, since, since + 1e9


@cache
def played(name: str, seed: int = SEED) -> Day:
    """Play a day; the same seed gives the same day."""
    scenario = load_scenario(FOLDER / f"{name}.yaml")
    world = scenario.world_of(seed)
    run = scenario.run(OurRouter(), seed)
    oracles = scenario.run(Clairvoyant(world), seed), scenario.run(Informed(world), seed)
    return Day(name, scenario, run, Comparison((run,), *oracles))
