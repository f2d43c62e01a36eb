"""Everything a running job needs, constructed once by the composition root, and the configuration in force."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import TypeVar

from providers.canonical import Failure, Reason, Stage, VideoRequest
from providers.classification import unsent
from router.core.budget import Budgets, day_start
from router.core.catalog import Catalog, Provider
from router.core.clock import Clock
from router.core.events import Emit
from router.core.health import ProviderHealth
from router.core.idempotency import IdempotencyConflictError
from router.core.intent import next_attempt_id, open_bookings
from router.core.job import INTERRUPTED, WITHDRAWN, Attempt, Job
from router.core.ledger import cost_in_all
from router.core.permits import AttemptPermits
from router.core.policy import JobLimits
from router.core.preferences import RoutingPreferences
from router.core.routing import Candidate, Decision, decide
from router.core.routing_memory import NOTHING_YET, JobSoFar, RoutingMemory
from router.core.routing_settings import RoutingSettings
from router.engine.alarm import Alarm
from router.engine.exchange import Transport
from router.engine.listed import Listed
from router.engine.mirror import Mirror
from router.engine.store import Store, StoreUnavailableError

T = TypeVar("T")
_REWRITE_AFTER_S_MAX = 5.0
_UNSENT_KEPT = 10_000
# What was learned earlier has a sixty-fourth of its weight left.
_HALF_LIVES_LEARNED_FROM = 6
_OUTCOMES_LEARNED_FROM_MAX = 20_000


@dataclass(slots=True)
class Parts:
    """The catalogue and its providers' health, the two ways out (store, transport), time, chance and who listens.

    The configuration is taken over as a whole and between two steps of the loop: it is the same one from one await to
    the next, and may be another after it. `submits` are the attempts whose submit is under way at this moment,
    `unsent` those whose intent may be durable although its write failed, and that were not sent for that. `listed`
    answers polls out of their providers' lists, `mirror` keeps videos where it is configured to.
    """

    catalog: Catalog
    health: Mapping[str, ProviderHealth]
    store: Store
    transport: Transport
    clock: Clock
    rng: Random
    emit: Emit
    limits: JobLimits
    routing: RoutingSettings
    budgets: Budgets
    memory: RoutingMemory
    submits: set[str] = field(default_factory=set)
    unsent: set[str] = field(default_factory=set)
    listed: Listed = field(init=False)
    mirror: Mirror = field(init=False)

    def __post_init__(self) -> None:
        self.mirror = Mirror(self.clock, self.emit)
        self.listed = Listed(self.transport, self.clock, self.rng, self.emit)

    def use(
        self, catalog: Catalog, health: Mapping[str, ProviderHealth], limits: JobLimits, routing: RoutingSettings
    ) -> None:
        """Go on with another configuration; `catalog` has every provider that anything is under way at."""
        self.catalog, self.health, self.limits, self.routing = catalog, health, limits, routing
        self.memory.use(routing, catalog)

    def is_current(self, decision: Decision) -> bool:
        """Whether a decision was made with the catalogue in force, which shares no offering with a former one."""
        first = decision.first
        return first is not None and self.catalog.by_id.get(first.offering.id) is first.offering

    def try_start(self, job: Job, decision: Decision, candidate: Candidate) -> AttemptPermits | None:
        """Take a place for a job's next attempt and count it in all that routing goes by; None when there is none."""
        permits = self.health[candidate.offering.provider].try_start()
        if permits is not None:
            if job.attempts:
                self.memory.retries.leave(job.id)
            self.memory.chosen(decision, candidate, first=not job.attempts)
            self.memory.meant(next_attempt_id(job), decision, candidate)
        return permits

    def still_asks(self, former: Provider) -> bool:
        """Whether a provider still sells something, and speaks as it did when an attempt was meant for it."""
        provider = self.catalog.providers[former.name]
        same = provider is former or (provider.dialect, provider.profile) == (former.dialect, former.profile)
        return same and provider.name in self.catalog.sellers

    def now(self) -> float:
        """Wall seconds."""
        return self.clock.wall()

    def provider(self, name: str) -> Provider:
        """Return a provider of the configuration; LookupError when it was removed."""
        return self.catalog.providers[name]

    def unwritten(self, attempt: Attempt, error: Exception) -> None:
        """Give back what an attempt reserved whose intent could not be written, without which nothing is sent."""
        self.budgets.release(attempt.id)
        if isinstance(error, IdempotencyConflictError):
            return
        if len(self.unsent) >= _UNSENT_KEPT:
            # Forgotten, they count as ambiguous, which is safe.
            self.unsent.clear()
        self.unsent.add(attempt.id)

    def interrupted(self, attempt: Attempt) -> Failure:
        """Say what is known of a submit that the store has and no run: whether it left, only its own process knows."""
        if attempt.id in self.unsent:
            self.unsent.discard(attempt.id)
            # Which uses up nothing of the job: the same offering may be asked for real.
            return replace(unsent("its intent was not known to be durable, so it was not sent"), code=WITHDRAWN)
        return Failure(Stage.SUBMIT, Reason.AMBIGUOUS, "the router stopped during the submit", code=INTERRUPTED)

    async def restored(self) -> list[Job]:
        """Take over what the store knows of before the start, for budgets and routing; return what is not over."""
        now = self.now()
        since = now - _HALF_LIVES_LEARNED_FROM * self.routing.half_life_s
        self.memory.restore(await self.store.ended_attempts(since, _OUTCOMES_LEARNED_FROM_MAX))
        jobs, today = await self.store.open_jobs(), day_start(now)
        self.budgets.restore((*await self.store.bookings(today), *open_bookings(jobs, today)))
        return jobs

    async def recount(self, job_id: str) -> None:
        """Let budgets count what the store has booked for a job; a write that seemed to fail may have booked it."""
        entries = await self.store.entries(job_id)
        for attempt_id in {entry.attempt_id for entry in entries}:
            if (microusd := cost_in_all(attempt_id, entries)) is not None:
                self.budgets.settle(attempt_id, microusd)

    def decide(
        self, video: VideoRequest, preferences: RoutingPreferences, caller: str, history: JobSoFar = NOTHING_YET
    ) -> Decision:
        """Route with the health, the experience and the budgets of this moment."""
        now = self.clock.monotonic()
        standings = {name: health.standing(now) for name, health in self.health.items()}
        left = self.budgets.left(caller)
        situation = self.memory.situation(standings, self.routing, self.limits, preferences, left, history)
        return decide(video, self.catalog, situation, self.rng)


async def written(write: Callable[[], Awaitable[T]]) -> T:
    """Write, or read, until it is done: while the disk is full or locked, waiting is all that loses nothing."""
    delay_s = 0.1
    while True:
        try:
            return await write()
        except StoreUnavailableError:
            await Alarm().sleep(delay_s)
            delay_s = min(2 * delay_s, _REWRITE_AFTER_S_MAX)
