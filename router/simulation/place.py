"""Everything that a simulated job needs: the configuration in force, its health and memory, time, chance, the world."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import inf
from random import Random
from typing import Final, Protocol

from providers.canonical import Failure
from router.core.budget import BudgetKey, Budgets
from router.core.catalog import Catalog
from router.core.eligibility import ProviderStanding
from router.core.events import BreakerMoved, ProviderOut
from router.core.health import ProviderHealth
from router.core.job import Job
from router.core.policy import JobLimits
from router.core.routing import Candidate, Decision
from router.core.routing_memory import NOTHING_YET, JobSoFar, RoutingMemory
from router.core.routing_settings import RoutingSettings
from router.simulation.fate import Asked, Fate, World
from router.simulation.result import Arrival, Moved
from router.simulation.routers import Question, Router
from router.simulation.virtual_time import Steps, VirtualTime

_UNWATCHED: Final = ProviderStanding(in_flight_max=1_000_000)
_DRAINED: Final = replace(_UNWATCHED, drained=True)


@dataclass(frozen=True, slots=True)
class Setup:
    """A configuration, as far as routing goes by it."""

    catalog: Catalog
    routing: RoutingSettings = field(default_factory=RoutingSettings)
    limits: JobLimits = field(default_factory=JobLimits)
    budgets: Mapping[BudgetKey, int] = field(default_factory=dict)


class Permits(Protocol):
    """What an attempt holds of its provider, see `router.core.permits.AttemptPermits`."""

    def submitted(self, failure: Failure | None = None) -> None:
        """Report how the submit ended."""

    def ended(self, failure: Failure | None = None) -> None:
        """Report how the attempt ended."""

    def abandon(self) -> None:
        """Give back what is held without a word about the provider."""


class _NoPermits:
    """What a router without health holds of anybody."""

    def submitted(self, failure: Failure | None = None) -> None:
        """Nobody listens."""

    def ended(self, failure: Failure | None = None) -> None:
        """Nobody listens."""

    def abandon(self) -> None:
        """There is nothing to give back."""


_NO_PERMITS: Final = _NoPermits()


class Place:
    """One router's own: nothing in it is shared with another one in the same world."""

    def __init__(self, router: Router, world: World, setup: Setup, time: VirtualTime, rng: Random) -> None:
        self.setup = setup
        self.time = time
        self.rng = rng
        self.moves: list[Moved] = []
        self.start_at = time.clock.wall()
        self._router = router
        self._world = world
        self.health = {name: self._new_health(name) for name in setup.catalog.providers}
        self.budgets = Budgets(time.clock, setup.budgets)
        self.memory = RoutingMemory(time.clock, setup.routing, setup.catalog)
        self.in_flight: Counter[str] = Counter()

    @property
    def now(self) -> float:
        """Wall seconds."""
        return self.time.clock.wall()

    def use(self, setup: Setup) -> None:
        """Go on with another configuration, as after a reload."""
        catalog = setup.catalog.keeping(self.setup.catalog)
        self.setup = Setup(catalog, setup.routing, setup.limits, setup.budgets)
        for name, provider in catalog.providers.items():
            if name not in self.health:
                self.health[name] = self._new_health(name)
            self.health[name].use(provider, retired=name not in setup.catalog.providers)
        self.memory.use(setup.routing, catalog)
        self.budgets.limit(setup.budgets)

    def decide(self, arrival: Arrival, history: JobSoFar = NOTHING_YET) -> Decision:
        """Let the router decide with the health, the experience and the budgets of this moment."""
        setup, left = self.setup, self.budgets.left(arrival.caller)
        given = (self._standings(), setup.routing, setup.limits, arrival.preferences, left, history)
        situation = self.memory.situation(*given)
        at_s = self.time.now_s
        question = Question(arrival.job_id, arrival.video, setup.catalog, situation, at_s, self.in_flight, self.rng)
        return self._router.decide(question)

    def is_current(self, decision: Decision) -> bool:
        """Whether a decision was made with the catalogue in force."""
        first = decision.first
        return first is not None and any(first.offering is offering for offering in self.setup.catalog.offerings)

    def try_start(self, candidate: Candidate) -> Permits | None:
        """Return the permits of a new attempt, None when its provider takes no job now."""
        return self.health[candidate.offering.provider].try_start() if self._router.health else _NO_PERMITS

    def turn_s(self, job: Job) -> float:
        """How long a job's failover has to wait for its turn."""
        return self.memory.retries.turn_s(job.id) if self._router.health else 0.0

    def submit(self, job: Job, candidate: Candidate) -> Fate:
        """Let the world say what such a submit comes to, and its provider work on it."""
        offering = candidate.offering
        nth = sum(attempt.offering_id == offering.id for attempt in job.attempts)
        asked = Asked(
            job.id,
            offering,
            self.setup.catalog.providers[offering.provider].charge_rule,
            candidate.video,
            candidate.quote_microusd,
            nth,
            self.time.now_s,
            self.in_flight[offering.provider],
        )
        fate = self._world.fate(asked)
        if fate.refusal is None or fate.paid_microusd:
            self.in_flight[offering.provider] += 1
            if fate.end_s < inf:
                self.time.after(fate.end_s, lambda: self._left(offering.provider))
        return fate

    def until(self, at: float) -> Steps:
        """Wait for a moment, whatever happens meanwhile; `at` is wall seconds."""
        while (wait_s := at - self.now) > 0.0:
            yield wait_s

    def _left(self, provider: str) -> None:
        self.in_flight[provider] -= 1

    def _standings(self) -> Mapping[str, ProviderStanding]:
        if self._router.health:
            return {name: health.standing() for name, health in self.health.items()}
        providers = self.setup.catalog.providers
        # The operator's word, unlike health, counts for whoever routes.
        return {name: _DRAINED if each.drained else _UNWATCHED for name, each in providers.items()}

    def _new_health(self, name: str) -> ProviderHealth:
        return ProviderHealth(self.setup.catalog.providers[name], self.time.clock, self.rng, self._noted)

    def _noted(self, event: object) -> None:
        if isinstance(event, BreakerMoved | ProviderOut):
            self.moves.append(Moved(self.time.now_s, event))
