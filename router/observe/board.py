"""Events become the overview: what is under way, what the last hour brought, and what failed last."""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from providers.canonical import Reason, Stage
from router.core.clock import Clock
from router.core.events import AttemptEnded, AttemptStarted, JobAccepted, JobEnded
from router.core.health import HealthSnapshot
from router.core.job import Attempt, AttemptState, Job
from router.core.ledger import CostKind, EntryKind
from router.core.order import Readiness
from router.core.overview import (
    SCHEMA,
    Breakers,
    DailyBudget,
    Live,
    LiveJobs,
    Overview,
    ProviderOverview,
    RecentFailure,
    Trading,
    Uncertain,
)
from router.observe.in_flight import Crowd, InFlight, Place
from router.observe.labels import JobOutcome, job_outcome
from router.observe.lines import utc
from router.observe.listeners import Listeners
from router.observe.release import RELEASE
from router.observe.samples import harmless_code
from router.observe.scrubbing import told_cause
from router.observe.sliding import WINDOW_S, SlidingDurations, SlidingSums

FAILURES_MAX: Final = 20
_NOBODY: Final = Live(0, None)


class _Sum(StrEnum):
    """What is added up of each provider."""

    ATTEMPTS = "attempts"
    DELIVERED = "delivered"
    DELIVERED_SECONDS = "delivered_seconds"
    POSTED = "posted"
    WASTED = "wasted"


@dataclass(frozen=True, slots=True)
class _Open:
    provider: str
    microusd: int
    since: float


class Board:
    """Holds what the overview tells. Live jobs and open money aside, which the engine bounds, it never grows.

    Where somebody else keeps the live jobs up to date, they are given; each of a hundred thousand takes room.
    """

    def __init__(self, clock: Clock, in_flight: InFlight | None = None) -> None:
        self._clock = clock
        self._started = clock.monotonic()
        self._in_flight = InFlight() if in_flight is None else in_flight
        self._follows = in_flight is None
        self._open: dict[str, _Open] = {}
        self._sums = SlidingSums[tuple[str, _Sum]](clock)
        self._failures = SlidingSums[tuple[str, str]](clock)
        self._decisions = SlidingSums[tuple[str, str]](clock)
        self._outcomes = SlidingSums[JobOutcome](clock)
        self._durations: dict[str, SlidingDurations] = {}
        self._last: deque[RecentFailure] = deque(maxlen=FAILURES_MAX)
        self.listeners = self._listeners()

    def resume(self, jobs: Iterable[Job]) -> None:
        """Take over, at start, what is under way and uncertain; the window begins empty."""
        for job in jobs:
            if not job.ended:
                self._put(job, job.at_work)
            for attempt in job.attempts:
                if attempt.uncertain:
                    self._doubt(attempt)

    def overview(self, readiness: Readiness) -> Overview:
        """Return everything as it is now, beside the engine's own account of itself."""
        now, outcomes = self._clock.wall(), self._outcomes.sums()
        sums, failures = self._sums.sums(), self._failures.sums()
        return Overview(
            schema=SCHEMA,
            version=RELEASE,
            time=utc(now),
            uptime_s=round(self._clock.monotonic() - self._started, 1),
            ready=readiness.ready,
            draining=readiness.draining,
            window_s=WINDOW_S,
            jobs=_live_jobs(self._in_flight.crowds(), now),
            outcomes={str(outcome): outcomes.get(outcome, 0) for outcome in JobOutcome},
            uncertain=_uncertain(self._open.values(), now),
            providers=tuple(
                _provider(
                    snapshot,
                    self._trading(snapshot.provider, sums, failures),
                    _uncertain((each for each in self._open.values() if each.provider == snapshot.provider), now),
                )
                for snapshot in readiness.health.values()
            ),
            budgets=tuple(
                DailyBudget(budget.scope, budget.name, budget.limit_microusd, budget.used_microusd)
                for budget in readiness.budgets
            ),
            last_failures=tuple(reversed(self._last)),
        )

    def _listeners(self) -> Listeners:
        heard = Listeners()
        heard.on(AttemptStarted, self._attempt_started)
        heard.on(AttemptEnded, self._attempt_ended)
        heard.on(JobEnded, self._job_ended)
        if self._follows:
            heard.on(JobAccepted, self._accepted)
        return heard

    def _accepted(self, event: JobAccepted) -> None:
        self._put(event.job, None)

    def _attempt_started(self, event: AttemptStarted) -> None:
        self._put(event.job, event.attempt)
        self._decisions.add((event.attempt.provider, event.reason))

    def _attempt_ended(self, event: AttemptEnded) -> None:
        attempt, job = event.attempt, event.job
        # A late attempt ends a second time when its money is known; only the money is news then.
        again = attempt.id in self._open
        for entry in event.entries:
            if entry.kind is not EntryKind.PENDING:
                self._open.pop(entry.attempt_id, None)
            if entry.cost_kind is not None:
                self._book(attempt, entry.cost_kind, entry.amount_microusd)
        if again:
            return
        if attempt.uncertain:
            self._doubt(attempt)
        if not job.ended:
            self._put(job, None)
        if attempt.state is AttemptState.LATE and attempt.stage is None:
            # Left behind: overtaken, or of a cancelled job. Its end tells nothing of its provider.
            return
        self._sums.add((attempt.provider, _Sum.ATTEMPTS))
        if attempt.stage is not None and attempt.reason is not None:
            self._failures.add((attempt.provider, f"{attempt.stage}.{attempt.reason}"))
            self._last.append(_failed_attempt(event, attempt.stage, attempt.reason, self._clock.wall()))

    def _book(self, attempt: Attempt, kind: CostKind, microusd: int) -> None:
        provider = attempt.provider
        self._sums.add((provider, _Sum.POSTED), microusd)
        if kind is CostKind.DELIVERED:
            self._sums.add((provider, _Sum.DELIVERED))
            self._sums.add((provider, _Sum.DELIVERED_SECONDS), attempt.seconds)
        else:
            self._sums.add((provider, _Sum.WASTED), microusd)

    def _job_ended(self, event: JobEnded) -> None:
        job = event.job
        if self._follows:
            self._in_flight.remove(job)
        self._outcomes.add(job_outcome(job))
        if job.delivered is not None and job.ended_at is not None:
            durations = self._durations.setdefault(job.delivered.provider, SlidingDurations(self._clock))
            durations.add(max(0.0, job.ended_at - job.created_at))
        if job.failure is not None and job.failure.stage is Stage.ROUTE and job.failure.reason is not Reason.CANCELLED:
            at = job.ended_at or self._clock.wall()
            code = harmless_code(job.failure.code, job.video.prompt)
            self._last.append(RecentFailure(utc(at), job.id, job.failure.stage, job.failure.reason, code=code))

    def _put(self, job: Job, attempt: Attempt | None) -> None:
        if self._follows:
            self._in_flight.put(job, attempt)

    def _doubt(self, attempt: Attempt) -> None:
        self._open[attempt.id] = _Open(attempt.provider, attempt.quote_microusd, attempt.submitted_at)

    def _trading(
        self, provider: str, sums: Mapping[tuple[str, _Sum], int], failures: Mapping[tuple[str, str], int]
    ) -> Trading:
        found = {each: sums.get((provider, each), 0) for each in _Sum}
        attempts, delivered, seconds = found[_Sum.ATTEMPTS], found[_Sum.DELIVERED], found[_Sum.DELIVERED_SECONDS]
        durations = self._durations.get(provider)
        p50_s, p90_s = durations.quantiles(0.5, 0.9) if durations else (None, None)
        return Trading(
            attempts=attempts,
            delivered=delivered,
            # A late video may be delivered after its attempt has left the window.
            delivered_share=round(min(1.0, delivered / attempts), 4) if attempts else None,
            p50_s=p50_s,
            p90_s=p90_s,
            delivered_seconds=seconds,
            posted_microusd=found[_Sum.POSTED],
            wasted_microusd=found[_Sum.WASTED],
            microusd_per_delivered_second=round(found[_Sum.POSTED] / seconds) if seconds else None,
            failures={failure: count for (name, failure), count in failures.items() if name == provider},
            decisions={str(why): count for (name, why), count in self._decisions.sums().items() if name == provider},
        )


def _live_jobs(crowds: Mapping[Place, Crowd], now: float) -> LiveJobs:
    lives = {place: Live(crowd.jobs, _age(now - crowd.oldest_at)) for place, crowd in crowds.items()}
    return LiveJobs(
        queued=lives.get(Place(None, attempted=False), _NOBODY),
        in_progress={place.provider: live for place, live in lives.items() if place.provider is not None},
        between_attempts=lives.get(Place(None, attempted=True), _NOBODY),
    )


def _uncertain(entries: Iterable[_Open], now: float) -> Uncertain:
    found = list(entries)
    oldest = min((each.since for each in found), default=None)
    amount_microusd = sum(each.microusd for each in found)
    return Uncertain(amount_microusd, len(found), None if oldest is None else _age(now - oldest))


def _provider(snapshot: HealthSnapshot, window: Trading, uncertain: Uncertain) -> ProviderOverview:
    return ProviderOverview(
        provider=snapshot.provider,
        breakers=Breakers(snapshot.submit, snapshot.poll, snapshot.generate),
        in_flight=snapshot.in_flight,
        in_flight_limit=snapshot.in_flight_limit,
        barred=snapshot.barred,
        cooling_s=round(snapshot.cooling_s, 1),
        out_s=round(snapshot.out_s, 1),
        out_reason=snapshot.out_reason,
        window=window,
        uncertain=uncertain,
        drained=snapshot.drained,
    )


def _failed_attempt(event: AttemptEnded, stage: Stage, reason: Reason, now: float) -> RecentFailure:
    attempt = event.attempt
    return RecentFailure(
        time=utc(attempt.ended_at or now),
        job=attempt.job_id,
        stage=stage,
        reason=reason,
        attempt=attempt.number,
        provider=attempt.provider,
        offering=attempt.offering_id,
        state=attempt.state,
        code=harmless_code(attempt.code, event.job.video.prompt),
        cause=told_cause(event.cause),
    )


def _age(seconds: float) -> float:
    return round(max(0.0, seconds), 1)
