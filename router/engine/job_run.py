"""One job, from its first attempt to its end: the only loop that spends money."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import assert_never

from providers.canonical import Failure, Reason, Stage, Succeeded
from providers.classification import unsent
from router.core.catalog import ChargeRule
from router.core.decision_record import record_of
from router.core.events import AttemptEnded, FailedOver, FailoverDelayed, JobEnded
from router.core.exhaustion import nobody_left
from router.core.intent import booking, intent, next_attempt_id, started
from router.core.job import CUT_SHORT, WITHDRAWN, Attempt, AttemptState, Job, JobState
from router.core.ledger import CostKind, LedgerEntry, closing, cost_microusd, exposure, posted, with_money
from router.core.permits import AttemptPermits
from router.core.policy import JobLimits, Pair, goes_on
from router.core.routing import Candidate, Decision
from router.core.routing_memory import JobSoFar
from router.core.terms import next_step, on_ambiguous, terms_of
from router.core.trail import TrailRecorder, is_traced
from router.engine.alarm import Alarm
from router.engine.attempt_run import (
    FETCH_PAST_DEADLINE_S,
    AttemptRun,
    Ending,
    Overtaken,
    delivered,
    poll_once,
)
from router.engine.desk import Desk
from router.engine.exchange import ContentError
from router.engine.fetch import Fetched, fetch_once
from router.engine.images import with_bytes
from router.engine.parts import Parts, written
from router.engine.search import look_for, may_be_found
from router.engine.store import DeletedJobError, StoreUnavailableError

_ROUTE_AGAIN_AFTER_S = 1.0
_ROUTE_AGAIN_AFTER_S_MAX = 15.0
_WITHDRAWN = replace(unsent("nobody wants it from this provider any more"), code=WITHDRAWN)
_CANCELLED = Failure(Stage.ROUTE, Reason.CANCELLED, "its caller deleted it before it had ended")


class JobRun:
    """Takes one job to its end. It may be dropped at any await and built again: the rows are the truth."""

    def __init__(self, parts: Parts, desk: Desk, job: Job, decision: Decision | None = None) -> None:
        self.job = job
        self._parts = parts
        self._desk = desk
        self._decision = decision
        self._alarm = Alarm()
        self._adopted: tuple[Attempt, Fetched] | None = None
        self._entries: list[LedgerEntry] = []
        self._last_failure: Failure | None = None
        self._delayed_after = 0
        if job.deleted_at is not None:
            self._alarm.ring()

    async def run(self) -> None:
        """Try offering after offering until one delivers, or the policy says stop."""
        if self.job.attempts:
            self._entries = list(await written(lambda: self._parts.store.entries(self.job.id)))
            await self._resume()
        while not self.job.ended:
            candidate = await self._candidate()
            if candidate is not None:
                await self._attempt(*candidate)
        self._parts.memory.retries.leave(self.job.id)

    def adopt(self, late: Attempt, fetched: Fetched) -> bool:
        """Offer the video of an attempt that was given up earlier; refused when the job is over."""
        if self.job.ended:
            return False
        if self._adopted is None:
            self._adopted = (late, fetched)
            self._alarm.ring()
        return self._adopted[0].id == late.id

    def cancel(self, at: float) -> None:
        """Stop: buy nothing more, and leave what is under way to whoever watches over late attempts."""
        self._publish(replace(self.job, deleted_at=at))
        self._alarm.ring()

    def note(self, late: Attempt, *entries: LedgerEntry) -> None:
        """Take in what became of an attempt that was given up earlier."""
        self._entries.extend(entries)
        self._publish(self.job.with_attempt(late))

    @property
    def _cancelled(self) -> bool:
        return self.job.deleted_at is not None

    @property
    def _limits(self) -> JobLimits:
        return terms_of(self._parts.limits, self.job.preferences)

    async def _resume(self) -> None:
        """Go on with the attempt that a restart interrupted. A submit without an answer is never sent again."""
        for attempt in self.job.attempts:
            if attempt.state is AttemptState.RUNNING:
                health = self._parts.health.get(attempt.provider)
                await self._see_through(self._attempt_run(attempt, health.resume() if health else None, resumed=True))
            elif attempt.state is AttemptState.SUBMITTING:
                await self._see_interrupted(attempt)
        if not (self.job.ended or self._cancelled):
            await self._look_at_late()

    async def _see_interrupted(self, attempt: Attempt) -> None:
        # A write that seemed to fail may be durable all the same: then nothing counts it yet.
        self._parts.budgets.hold(booking(self.job, attempt))
        run = self._attempt_run(attempt, None, resumed=True)
        run.lost = self._parts.interrupted(attempt)
        await self._see_through(run)

    async def _see_unsent(self) -> None:
        """Void an intent that is durable although its write failed: a job that ended beside it would leave it open."""
        known = {attempt.id for attempt in self.job.attempts}
        stored = await written(lambda: self._parts.store.any_job(self.job.id))
        for attempt in stored.attempts if stored is not None else ():
            if attempt.id not in known:
                self._publish(self._current(self.job.moved(JobState.IN_PROGRESS), attempt))
                await self._see_interrupted(attempt)

    async def _look_at_late(self) -> None:
        """Ask once about the attempts given up before a restart: one that is done saves buying another."""
        for attempt in self.job.attempts:
            if attempt.state is not AttemptState.LATE or attempt.provider not in self._parts.catalog.providers:
                continue
            done = await poll_once(self._parts, attempt, prompt=self.job.video.prompt)
            if isinstance(done, Succeeded):
                within_s = max(0.0, self.job.deadline_at - self._parts.now()) + FETCH_PAST_DEADLINE_S
                with suppress(ContentError):
                    self.adopt(attempt, Fetched(done, await fetch_once(self._parts, attempt, done, within_s)))

    async def _candidate(self) -> tuple[Candidate, AttemptPermits, Decision] | None:
        """Find an offering, its provider's permit and why it; None when the job ended or has to be routed again."""
        if self._cancelled:
            await self._end(_CANCELLED)
            return None
        if self._adopted is not None:
            await self._deliver_adopted(None)
            return None
        left_s = self.job.deadline_at - self._parts.now()
        decision, self._decision = self._decision, None
        if decision is None or not self._parts.is_fresh(decision):
            decision = self._route()
        candidates = self._in_time(decision, left_s)
        may_begin_for_s = self._parts.limits.may_begin_for_s(left_s, len(self.job.asked))
        if may_begin_for_s <= 0 or not (candidates or decision.may_pass_within(may_begin_for_s)):
            await self._end(nobody_left(self.job, decision, self._last_failure))
            return None
        if self.job.asked and (turn_s := self._parts.memory.retries.turn_s(self.job.id)) > 0.0:
            if self._delayed_after != len(self.job.attempts):
                self._delayed_after = len(self.job.attempts)
                self._parts.emit(FailoverDelayed(self.job, self.job.attempts[-1], turn_s))
            await self._alarm.sleep(min(turn_s, may_begin_for_s))
            return None
        for candidate in candidates:
            permits = self._parts.try_start(self.job, decision, candidate)
            if permits is not None:
                return candidate, permits, decision
        wait_s = min(max(decision.retry_after_s or 0.0, _ROUTE_AGAIN_AFTER_S), _ROUTE_AGAIN_AFTER_S_MAX)
        await self._alarm.sleep(min(wait_s, may_begin_for_s))
        return None

    def _route(self) -> Decision:
        if len(self.job.asked) >= self._limits.attempts_max:
            return Decision((), ())
        tried = frozenset(attempt.offering_id for attempt in self.job.asked)
        left = self._limits.spend_microusd_max - exposure(self._entries).total_microusd
        history = JobSoFar(tried, max(0, left), self.job.deadline_at - self._parts.now())
        return self._parts.decide(self.job.video, self.job.preferences, self.job.caller, history)

    def _in_time(self, decision: Decision, left_s: float) -> tuple[Candidate, ...]:
        """Leave out, once the job was attempted, whose video could not even be asked for before the deadline."""
        if not self.job.asked:
            return decision.candidates
        first_after_s = {name: each.polling.first_after_s for name, each in self._parts.catalog.providers.items()}
        return tuple(each for each in decision.candidates if first_after_s[each.offering.provider] <= left_s)

    async def _attempt(self, candidate: Candidate, permits: AttemptPermits, decision: Decision) -> None:
        """Submit, and see it through."""
        submit = asyncio.create_task(self._submit(candidate, permits, decision))
        self._desk.submitting(submit)
        meant = next_attempt_id(self.job)
        submit.add_done_callback(lambda _: self._parts.memory.dropped(meant))
        try:
            run = await asyncio.shield(submit)
        except StoreUnavailableError:
            # Without its intent nothing was sent; by the time one can be written, another offering may be right.
            await self._alarm.sleep(_ROUTE_AGAIN_AFTER_S)
            await self._see_unsent()
            return
        except DeletedJobError:
            # A deletion that nobody could confirm, or that this run was built too early to know of.
            self.cancel(self._parts.now())
            return
        if run is not None:
            await self._see_through(run)

    async def _submit(self, candidate: Candidate, permits: AttemptPermits, decision: Decision) -> AttemptRun | None:
        """Make the intent durable, then submit; None when the answer ended the attempt, or nothing could be sent.

        The run that is returned was accepted, or has `lost` its answer where that may be found.
        Runs to its end even when the run is cancelled, so that an answer is always recorded. Raises
        StoreUnavailableError when the intent cannot be written, or the input images cannot be read.
        """
        with permits.kept():
            video = await with_bytes(self._parts.store, self.job.id, candidate.video)
        if video is None:
            permits.abandon()
            await self._end(Failure(Stage.ROUTE, Reason.INTERNAL, "the bytes of its input images are gone"))
            return None
        attempt, entry = intent(self.job, candidate, self._parts.now())
        # Since this was routed the file may have been read anew, and others may have taken what was left of a day.
        if not self._parts.is_current(decision) or not self._parts.budgets.reserve(booking(self.job, attempt)):
            permits.abandon()
            return None
        run = self._attempt_run(attempt, permits)
        provider = self._parts.provider(attempt.provider)
        before, previous = self.job, self.job.attempts[-1] if self.job.attempts else None
        after = before.moved(JobState.IN_PROGRESS).with_attempt(attempt)
        with run.permits_kept():
            with self._parts.unsent_if_unwritten(attempt):
                why = record_of(decision, self.job.video, attempt.submitted_at, candidate)
                await self._parts.store.start_attempt(before, after, attempt, entry, why)
            self._entries.append(entry)
            self._publish(self._current(after, attempt))
            self._parts.memory.began(attempt, self.job.video.size)
            self._parts.emit(started(self.job, attempt, candidate, decision))
            if previous is not None:
                self._parts.emit(FailedOver(self.job, previous, attempt))
            asked = self._parts.still_asks(provider) and not self._cancelled
            if not asked:
                # Which says nothing of it.
                permits.abandon()
            with self._parts.submit_under_way(attempt):
                failure = await run.submit(video) if asked else _WITHDRAWN
            if failure is not None and not may_be_found(self._parts, attempt, failure):
                await self._conclude(run, failure)
                return None
        run.lost = failure
        self._publish(self.job.with_attempt(run.attempt))
        return run

    async def _see_through(self, run: AttemptRun) -> None:
        missed = None if run.lost is None else await self._look_for(run, run.lost)
        with run.permits_kept():
            await self._conclude(run, missed or await run.finish())

    async def _look_for(self, run: AttemptRun, lost: Failure) -> Failure | None:
        """Look for a submit without an answer; return what it failed of, or None when it is found and runs."""
        missed = await look_for(self._parts, run, self.job.video, lost)
        if missed is None:
            # The lost answer gave its place away.
            run.permits = self._parts.health[run.attempt.provider].resume()
            run.trail.found_at = self._parts.now()
        self._publish(self.job.with_attempt(run.attempt))
        return missed

    def _attempt_run(self, attempt: Attempt, permits: AttemptPermits | None, *, resumed: bool = False) -> AttemptRun:
        deadline_at, prompt = self.job.deadline_at, self.job.video.prompt
        run = AttemptRun(self._parts, attempt, permits, self._alarm, deadline_at, self._progress, prompt)
        run.trail = TrailRecorder(resumed, traced=is_traced(self.job.trace_parent))
        if attempt.state is AttemptState.RUNNING:
            self._parts.memory.began(attempt, self.job.video.size)
        return run

    async def _conclude(self, run: AttemptRun, ending: Ending) -> None:
        """Settle the attempt, and end the job with it where the policy says so."""
        match ending:
            case Fetched():
                run.ended(None)
                await self._deliver(run, ending)
            case Failure() if run.cut_short(ending, self.job.video.size):
                # A caller's haste must not take anybody out.
                run.overtaken()
                await self._fail(run, replace(ending, code=CUT_SHORT))
            case Failure():
                run.ended(ending)
                await self._fail(run, ending)
            case Overtaken.YES if self._cancelled:
                run.overtaken()
                await self._leave(run)
            case Overtaken.YES:
                run.overtaken()
                await self._deliver_adopted(run)
            case _:
                assert_never(ending)

    async def _deliver(self, run: AttemptRun, fetched: Fetched) -> None:
        await self._settle(run, *self._delivery(run.attempt, fetched))

    def _delivery(self, attempt: Attempt, fetched: Fetched) -> tuple[Attempt, LedgerEntry, Job]:
        """Return the attempt, its money and its job as they are once the video is delivered."""
        at = self._parts.now()
        after = delivered(attempt, fetched, at)
        entry = posted(after, CostKind.DELIVERED, at, fetched.done.cost_microusd)
        return after, entry, self.job.moved(JobState.COMPLETED, ended_at=at, progress=100).with_attempt(after)

    async def _deliver_adopted(self, run: AttemptRun | None) -> None:
        """Complete the job with an attempt given up earlier; the one running now becomes late in its turn."""
        late, fetched = self._adopted or (None, None)
        if late is None or fetched is None:
            return
        adopted = self._attempt_run(late, None)
        if run is None:
            await self._deliver(adopted, fetched)
            return
        overtaken = run.attempt.moved(AttemptState.LATE, ended_at=self._parts.now())
        after, entry, job = self._delivery(late, fetched)
        # All in one: a job that a crash left with late attempts only would buy another one.
        moves, jobs = ((run.attempt, overtaken), (late, after)), (self.job, job.with_attempt(overtaken))
        await written(lambda: self._parts.store.adopt(*moves, entry, jobs))
        self._settled(run, overtaken, None, self.job)
        self._settled(adopted, after, entry, job)

    async def _leave(self, run: AttemptRun) -> None:
        """End a cancelled job, whose attempt becomes late."""
        at = self._parts.now()
        after = run.attempt.moved(AttemptState.LATE, ended_at=at)
        job = self.job.with_attempt(after).moved(JobState.FAILED, ended_at=at, failure=_CANCELLED)
        await self._settle(run, after, None, job)

    async def _fail(self, run: AttemptRun, failure: Failure) -> None:
        at = self._parts.now()
        provider = self._parts.catalog.providers.get(run.attempt.provider)
        entry = closing(run.attempt, failure, provider.charge_rule if provider else ChargeRule(), at)
        state = AttemptState.FAILED
        if entry is None:
            state = AttemptState.UNKNOWN if run.attempt.state is AttemptState.SUBMITTING else AttemptState.LATE
        after = run.attempt.moved(state, ended_at=at, stage=failure.stage, reason=failure.reason, code=failure.code)
        job, self._last_failure = self.job.with_attempt(after), failure
        go_on = not after.asked or goes_on(
            failure,
            failed_before=self._failed_before(after),
            uncertain_microusd=exposure(self._entries).open_microusd,
            limits=replace(self._limits, on_ambiguous=on_ambiguous(self._limits, self.job.preferences, provider)),
            step=next_step(failure, self._limits, self.job.preferences, provider),
        )
        if self._cancelled:
            job = job.moved(JobState.FAILED, ended_at=at, failure=_CANCELLED)
        elif not go_on and self._adopted is None:
            job = job.moved(JobState.FAILED, ended_at=at, failure=failure)
        await self._settle(run, after, entry, job)

    def _failed_before(self, attempt: Attempt) -> set[Pair]:
        earlier = (other for other in self.job.asked if other.id != attempt.id)
        return {(other.stage, other.reason) for other in earlier if other.stage and other.reason}

    async def _settle(self, run: AttemptRun, after: Attempt, entry: LedgerEntry | None, job: Job) -> None:
        """End the attempt, book its money and move its job in one transaction; then tell everybody."""
        before = self.job
        await written(lambda: self._parts.store.settle(run.attempt, after, entry, before, job))
        self._settled(run, after, entry, job)

    def _settled(self, run: AttemptRun, after: Attempt, entry: LedgerEntry | None, job: Job) -> None:
        """Tell everybody what was written."""
        trail = None if run.attempt.state is AttemptState.LATE else run.trail.trail()
        run.attempt = after = with_money(after, entry)
        self._parts.memory.ended(after, self.job.video.size)
        entries = () if entry is None else (entry,)
        if entry is not None:
            self._parts.budgets.settle(entry.attempt_id, cost_microusd(entry))
        self._entries.extend(entries)
        job = self._current(job, after)
        self._publish(job)
        self._parts.emit(AttemptEnded(job, after, entries, run.stage_seconds, run.cause, run.trail.progress, trail))
        if after.uncertain:
            self._desk.watch_late(job, after)
        if job.ended:
            self._parts.emit(JobEnded(job))

    async def _end(self, failure: Failure) -> None:
        """End a job that no attempt ends."""
        before = self.job
        after = before.moved(JobState.FAILED, ended_at=self._parts.now(), failure=failure)
        await written(lambda: self._parts.store.end_job(before, after))
        self._publish(replace(after, attempts=self.job.attempts, deleted_at=self.job.deleted_at))
        self._parts.emit(JobEnded(self.job))

    def _progress(self, percent: int) -> None:
        """Show progress; it never goes back, and 100 is said only when the video can be fetched."""
        shown = min(max(percent, self.job.progress), 99)
        if shown != self.job.progress:
            self._publish(replace(self.job, progress=shown))

    def _current(self, written_job: Job, attempt: Attempt) -> Job:
        """Add to a job that was just written what happened to its other attempts meanwhile."""
        attempts = self.job.with_attempt(attempt).attempts
        return replace(written_job, attempts=attempts, deleted_at=self.job.deleted_at)

    def _publish(self, job: Job) -> None:
        self.job = job
        self._desk.publish(job)
