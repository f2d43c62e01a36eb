"""One job on virtual time: the engine's rules for a job, step by step, with the world in place of the upstreams."""

from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import TypeAlias

from providers.canonical import Failure
from router.core.catalog import ChargeRule
from router.core.exhaustion import nobody_left
from router.core.intent import booking, intent
from router.core.job import CUT_SHORT, Attempt, AttemptState, Job, JobState
from router.core.ledger import CostKind, LedgerEntry, closing, cost_microusd, exposure, posted, with_money
from router.core.policy import JobLimits, Pair, goes_on
from router.core.ranking import DecisionReason
from router.core.routing import Candidate, Decision
from router.core.routing_memory import JobSoFar
from router.core.terms import next_step, on_ambiguous, terms_of
from router.simulation.fate import Fate
from router.simulation.place import Permits, Place
from router.simulation.polls import late_seen_after_s, seen
from router.simulation.result import Arrival, AttemptResult, JobResult
from router.simulation.virtual_time import Process, Steps

_ROUTE_AGAIN_AFTER_S = 1.0
_ROUTE_AGAIN_AFTER_S_MAX = 15.0


@dataclass(slots=True)
class _Running:
    """An attempt that its job waits for, what becomes of it, and what it holds of its provider."""

    attempt: Attempt
    fate: Fate
    why: DecisionReason
    premium_microusd: int
    permits: Permits


_Found: TypeAlias = tuple[Candidate, Permits, Decision] | None


class SimulatedJob:
    """Takes one job to its end as `router.engine.job_run` does, which it follows rule by rule."""

    def __init__(self, place: Place, arrival: Arrival, job: Job, decision: Decision) -> None:
        self.job = job
        self.results: list[AttemptResult] = []
        self._arrival = arrival
        self._place = place
        self._decision: Decision | None = decision
        self._entries: list[LedgerEntry] = []
        self._last_failure: Failure | None = None
        self._adopted: Attempt | None = None
        self._process: Process = place.time.spawn(self._run())

    def result(self) -> JobResult:
        """Say what became of it, once time is over."""
        ended_at = self._place.now if self.job.ended_at is None else self.job.ended_at
        ended_s = ended_at - self._place.start_at
        return JobResult(self._arrival, True, ended_s, tuple(self.results), self.job.failure)

    @property
    def _limits(self) -> JobLimits:
        return terms_of(self._place.setup.limits, self.job.preferences)

    @property
    def _left_s(self) -> float:
        return self.job.deadline_at - self._place.now

    def _run(self) -> Steps:
        while not self.job.ended:
            found = yield from self._candidate()
            if found is not None:
                yield from self._attempt(*found)
        self._place.memory.retries.leave(self.job.id)

    def _candidate(self) -> Generator[float, None, _Found]:
        place = self._place
        if self._adopted is not None:
            self._deliver_adopted(None)
            return None
        left_s = self._left_s
        decision, self._decision = self._decision, None
        if decision is None or not place.is_current(decision):
            decision = self._route()
        candidates = self._in_time(decision, left_s)
        may_begin_for_s = place.setup.limits.may_begin_for_s(left_s, len(self.job.attempts))
        if may_begin_for_s <= 0 or not (candidates or decision.may_pass_within(may_begin_for_s)):
            self._end(nobody_left(self.job, decision, self._last_failure))
            return None
        if self.job.attempts and (turn_s := place.turn_s(self.job)) > 0.0:
            yield min(turn_s, may_begin_for_s)
            return None
        for candidate in candidates:
            permits = place.try_start(candidate)
            if permits is not None:
                place.memory.retries.leave(self.job.id)
                return candidate, permits, decision
        wait_s = min(max(decision.retry_after_s or 0.0, _ROUTE_AGAIN_AFTER_S), _ROUTE_AGAIN_AFTER_S_MAX)
        yield min(wait_s, may_begin_for_s)
        return None

    def _route(self) -> Decision:
        if len(self.job.attempts) >= self._limits.attempts_max:
            return Decision((), ())
        tried = frozenset(attempt.offering_id for attempt in self.job.attempts)
        left = self._limits.spend_microusd_max - exposure(self._entries).total_microusd
        return self._place.decide(self._arrival, JobSoFar(tried, max(0, left), self._left_s))

    def _in_time(self, decision: Decision, left_s: float) -> tuple[Candidate, ...]:
        if not self.job.attempts:
            return decision.candidates
        providers = self._place.setup.catalog.providers
        return tuple(
            each for each in decision.candidates if providers[each.offering.provider].polling.first_after_s <= left_s
        )

    def _attempt(self, candidate: Candidate, permits: Permits, decision: Decision) -> Steps:
        place = self._place
        attempt, entry = intent(self.job, candidate, place.now)
        if not place.is_current(decision) or not place.budgets.reserve(booking(self.job, attempt)):
            permits.abandon()
            return
        first = not self.job.attempts
        best = candidate is decision.first
        why = decision.reason if best else DecisionReason.FALLBACK
        premium = decision.premium_microusd if best else 0
        run = _Running(attempt, place.submit(self.job, candidate), why, premium, permits)
        self._entries.append(entry)
        self.job = self.job.moved(JobState.IN_PROGRESS).with_attempt(attempt)
        place.memory.chosen(decision, candidate, first=first)
        place.memory.began(attempt, self.job.video.size)
        yield from place.until(attempt.submitted_at + run.fate.answer_s)
        permits.submitted(run.fate.refusal)
        if run.fate.refusal is not None:
            self._fail(run, run.fate.refusal)
            return
        run.attempt = attempt.moved(AttemptState.RUNNING, remote_id=attempt.id, accepted_at=place.now)
        self.job = self.job.with_attempt(run.attempt)
        yield from self._see_through(run)

    def _see_through(self, run: _Running) -> Steps:
        place, attempt = self._place, run.attempt
        left_s = self.job.deadline_at - attempt.submitted_at
        polling = place.setup.catalog.polling(attempt.provider, attempt.offering_id)
        durations = place.memory.durations(attempt, self.job.video.size)
        told = seen(polling, run.fate, left_s, durations, place.rng)
        if self._adopted is None:
            yield attempt.submitted_at + told.known_after_s(polling) - place.now
            told.teach(durations, place.time.clock.monotonic())
        if self._adopted is not None:
            run.permits.abandon()
            self._deliver_adopted(run)
        elif told.failure is None:
            run.permits.ended()
            self._deliver(run)
        else:
            self._fail(run, told.failure)

    def _deliver(self, run: _Running) -> None:
        at = self._place.now
        after = _delivered(run.attempt, at)
        entry = posted(after, CostKind.DELIVERED, at, run.fate.paid_microusd)
        job = self.job.moved(JobState.COMPLETED, ended_at=at).with_attempt(after)
        self._settled(run, after, entry, job)

    def _deliver_adopted(self, run: _Running | None) -> None:
        """Complete the job with an attempt given up earlier; the one running now becomes late in its turn."""
        late, at = self._adopted, self._place.now
        if late is None:
            return
        if run is not None:
            overtaken = run.attempt.moved(AttemptState.LATE, ended_at=at)
            self._settled(run, overtaken, None, self.job.with_attempt(overtaken))
        number = next(index for index, each in enumerate(self.results) if each.number == late.number)
        after, earlier = _delivered(late, at), self.results[number]
        self._book(after, posted(after, CostKind.DELIVERED, at, earlier.paid_microusd))
        self.job = self.job.with_attempt(after).moved(JobState.COMPLETED, ended_at=at)
        self.results[number] = earlier._replace(delivered=True)

    def _fail(self, run: _Running, failure: Failure) -> None:
        place, attempt, at = self._place, run.attempt, self._place.now
        given_s = place.setup.catalog.polling(attempt.provider, attempt.offering_id).deadline_s
        if place.memory.cut_short(attempt, self.job.video.size, failure, self.job.deadline_at, given_s):
            run.permits.abandon()
            failure = replace(failure, code=CUT_SHORT)
        else:
            run.permits.ended(failure)
        provider = self._place.setup.catalog.providers.get(run.attempt.provider)
        entry = closing(run.attempt, failure, provider.charge_rule if provider else ChargeRule(), at)
        state = AttemptState.FAILED
        if entry is None:
            state = AttemptState.UNKNOWN if run.attempt.state is AttemptState.SUBMITTING else AttemptState.LATE
        after = run.attempt.moved(state, ended_at=at, stage=failure.stage, reason=failure.reason, code=failure.code)
        job, self._last_failure = self.job.with_attempt(after), failure
        go_on = goes_on(
            failure,
            failed_before=self._failed_before(after),
            uncertain_microusd=exposure(self._entries).open_microusd,
            limits=replace(self._limits, on_ambiguous=on_ambiguous(self._limits, self.job.preferences, provider)),
            step=next_step(failure, self._limits, self.job.preferences, provider),
        )
        if not go_on and self._adopted is None:
            job = job.moved(JobState.FAILED, ended_at=at, failure=failure)
        self._settled(run, after, entry, job, failure)

    def _failed_before(self, attempt: Attempt) -> set[Pair]:
        earlier = (other for other in self.job.attempts if other.id != attempt.id)
        return {(other.stage, other.reason) for other in earlier if other.stage and other.reason}

    def _settled(
        self, run: _Running, after: Attempt, entry: LedgerEntry | None, job: Job, failure: Failure | None = None
    ) -> None:
        self.job = job
        self.results.append(self._result(run, after, failure))
        self._place.memory.ended(with_money(after, entry), job.video.size)
        if entry is not None:
            self._book(after, entry)
        if after.state is AttemptState.LATE:
            self._place.time.spawn(self._watch(after, run.fate))

    def _result(self, run: _Running, after: Attempt, failure: Failure | None) -> AttemptResult:
        start = self._place.start_at
        return AttemptResult(
            number=after.number,
            offering_id=after.offering_id,
            provider=after.provider,
            why=run.why,
            at_s=after.submitted_at - start,
            ended_s=self._place.now - start,
            quote_microusd=after.quote_microusd,
            premium_microusd=run.premium_microusd,
            paid_microusd=run.fate.paid_microusd,
            delivered=after.state is AttemptState.SUCCEEDED,
            failure=failure,
        )

    def _book(self, after: Attempt, entry: LedgerEntry) -> None:
        self._place.budgets.settle(after.id, cost_microusd(entry))
        self._entries.append(entry)

    def _end(self, failure: Failure) -> None:
        self.job = self.job.moved(JobState.FAILED, ended_at=self._place.now, failure=failure)

    def _watch(self, late: Attempt, fate: Fate) -> Steps:
        """Ask slowly about an attempt given up until its money is known; its video is taken if the job still waits."""
        place = self._place
        polling = place.setup.catalog.polling(late.provider, late.offering_id)
        wait_s = late_seen_after_s(polling, fate, place.now - late.submitted_at, place.rng)
        if wait_s is None:
            return
        yield wait_s
        if fate.failure is not None:
            rule = place.setup.catalog.providers[late.provider].charge_rule
            if (entry := closing(late, fate.failure, rule, place.now)) is not None:
                self._book(late, entry)
        elif self.job.ended or self._adopted is not None:
            self._book(late, posted(late, CostKind.DUPLICATE, place.now, fate.paid_microusd))
        else:
            self._adopted = late
            self._process.wake()


def _delivered(attempt: Attempt, at: float) -> Attempt:
    return replace(attempt.moved(AttemptState.SUCCEEDED, ended_at=at), content_type="video/mp4")
