"""What became of jobs in a simulation, and of the money: as the world knows it, not as a router had booked it."""

from dataclasses import dataclass
from typing import NamedTuple

from providers.canonical import Failure, VideoRequest
from router.core.events import BreakerMoved, ProviderOut
from router.core.preferences import NO_PREFERENCES, RoutingPreferences
from router.core.ranking import DecisionReason


class Arrival(NamedTuple):
    """A request that comes `at_s` after the simulation's start."""

    at_s: float
    job_id: str
    video: VideoRequest
    preferences: RoutingPreferences = NO_PREFERENCES
    caller: str = "simulation"


class AttemptResult(NamedTuple):
    """One submit. `ended_s` is when its job was done with it; `paid_microusd` is what the provider really billed.

    `premium_microusd` is what a trial was expected to cost more than the best.
    """

    number: int
    offering_id: str
    provider: str
    why: DecisionReason
    at_s: float
    ended_s: float
    quote_microusd: int
    premium_microusd: int
    paid_microusd: int
    delivered: bool
    failure: Failure | None


@dataclass(frozen=True, slots=True)
class JobResult:
    """What became of a request. Not `accepted`: it was turned away at once; `retry_after_s` is what it was told."""

    arrival: Arrival
    accepted: bool
    ended_s: float
    attempts: tuple[AttemptResult, ...] = ()
    failure: Failure | None = None
    retry_after_s: float | None = None

    @property
    def delivered(self) -> bool:
        """Whether its caller got a video."""
        return any(attempt.delivered for attempt in self.attempts)

    @property
    def paid_microusd(self) -> int:
        """What all of its attempts cost."""
        return sum(attempt.paid_microusd for attempt in self.attempts)


class Moved(NamedTuple):
    """What a router saw of a provider's health, and when."""

    at_s: float
    event: BreakerMoved | ProviderOut


@dataclass(frozen=True, slots=True)
class Run:
    """One router's way through a world; its jobs are in the order of their arrival."""

    router: str
    jobs: tuple[JobResult, ...]
    moves: tuple[Moved, ...] = ()

    @property
    def explored_microusd(self) -> int:
        """What trials were expected to cost more than the best."""
        return sum(attempt.premium_microusd for job in self.jobs for attempt in job.attempts)
