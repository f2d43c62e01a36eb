"""What a live job knows of itself, and how what changes becomes durable and known to everybody."""

from dataclasses import replace
from typing import Final, assert_never

from providers.canonical import Failure, Reason, Stage
from router.core.catalog import ChargeRule
from router.core.events import AttemptEnded, JobEnded
from router.core.job import CUT_SHORT, Attempt, AttemptState, Job, JobState
from router.core.ledger import CostKind, LedgerEntry, closing, cost_microusd, exposure, posted, with_money
from router.core.permits import AttemptPermits
from router.core.policy import JobLimits, Pair, goes_on
from router.core.terms import next_step, on_ambiguous, terms_of
from router.core.trail import TrailRecorder, is_traced
from router.engine.alarm import Alarm
from router.engine.attempt_run import AttemptRun, Ending, Overtaken, delivered
from router.engine.desk import Desk
from router.engine.fetch import Fetched
from router.engine.parts import Parts, written

CANCELLED: Final = Failure(Stage.ROUTE, Reason.CANCELLED, "its caller deleted it before it had ended")


class LiveJob:
    """A job while it lives; what is booked for it is in memory only while somebody needs it."""

    __slots__ = ("_adopted", "_alarm", "_desk", "_entries", "_last_failure", "_parts", "job")

    def __init__(self, parts: Parts, desk: Desk, job: Job) -> None:
        self.job = job
        self._parts = parts
        self._desk = desk
        self._alarm = Alarm()
        self._adopted: tuple[Attempt, Fetched] | None = None
        self._entries: list[LedgerEntry] | None = None if job.attempts else []
        self._last_failure: Failure | None = None
        if job.deleted_at is not None:
            self._alarm.ring()

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
        self._book(*entries)
        self._publish(self.job.with_attempt(late))

    @property
    def _cancelled(self) -> bool:
        return self.job.deleted_at is not None

    @property
    def _limits(self) -> JobLimits:
        return terms_of(self._parts.limits, self.job.preferences)

    def _attempt_run(self, attempt: Attempt, permits: AttemptPermits | None, *, resumed: bool = False) -> AttemptRun:
        run = AttemptRun(self._parts, attempt, permits, self._alarm, self.job.deadline_at, self.job.video)
        run.trail = TrailRecorder(resumed, traced=is_traced(self.job.trace_parent))
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
        job = self.job.with_attempt(after).moved(JobState.FAILED, ended_at=at, failure=CANCELLED)
        await self._settle(run, after, None, job)

    async def _fail(self, run: AttemptRun, failure: Failure) -> None:
        at = self._parts.now()
        provider = self._parts.catalog.providers.get(run.attempt.provider)
        entry = closing(run.attempt, failure, provider.charge_rule if provider else ChargeRule(), at)
        state = AttemptState.FAILED
        if entry is None:
            state = AttemptState.UNKNOWN if run.attempt.state is AttemptState.SUBMITTING else AttemptState.LATE
        after = run.attempt.moved(state, ended_at=at, stage=failure.stage, reason=failure.reason, code=failure.code)
        booked = await self._booked()
        job, self._last_failure = self.job.with_attempt(after), failure
        go_on = not after.asked or goes_on(
            failure,
            failed_before=self._failed_before(after),
            uncertain_microusd=exposure(booked).open_microusd,
            limits=replace(self._limits, on_ambiguous=on_ambiguous(self._limits, self.job.preferences, provider)),
            step=next_step(failure, self._limits, self.job.preferences, provider),
        )
        if self._cancelled:
            job = job.moved(JobState.FAILED, ended_at=at, failure=CANCELLED)
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
        self._book(*entries)
        job = self._current(job, after)
        self._publish(job)
        self._parts.emit(AttemptEnded(job, after, entries, run.stage_seconds, run.cause, run.trail.progress, trail))
        if after.uncertain:
            self._desk.watch_late(job, after)
        if job.ended:
            self._parts.emit(JobEnded(job))

    async def _booked(self) -> list[LedgerEntry]:
        """Return what is booked for the job, which is read anew after it was waited for."""
        if self._entries is None:
            # What is booked while they are read may be among them or not.
            booked: list[LedgerEntry] = []
            self._entries = booked
            read = await written(lambda: self._parts.store.entries(self.job.id))
            booked[:0] = [entry for entry in read if entry not in booked]
        return self._entries

    def _book(self, *entries: LedgerEntry) -> None:
        """Take in what was written; whoever reads it later finds it in the store."""
        if self._entries is not None:
            self._entries.extend(entry for entry in entries if entry not in self._entries)

    async def _end(self, failure: Failure) -> None:
        """End a job that no attempt ends."""
        before = self.job
        after = before.moved(JobState.FAILED, ended_at=self._parts.now(), failure=failure)
        await written(lambda: self._parts.store.end_job(before, after))
        self._publish(replace(after, attempts=self.job.attempts, deleted_at=self.job.deleted_at))
        self._parts.emit(JobEnded(self.job))

    def _delivery(self, attempt: Attempt, fetched: Fetched) -> tuple[Attempt, LedgerEntry, Job]:
        """Return the attempt, its money and its job as they are once the video is delivered."""
        at = self._parts.now()
        after = delivered(attempt, fetched, at)
        entry = posted(after, CostKind.DELIVERED, at, fetched.done.cost_microusd)
        return after, entry, self.job.moved(JobState.COMPLETED, ended_at=at, progress=100).with_attempt(after)

    def _progress(self, percent: int) -> None:
        """Show progress; it never goes back, and 100 is said only when the video can be fetched."""
        shown = min(max(percent, self.job.progress), 99)
        if shown != self.job.progress:
            self._publish(replace(self.job, progress=shown))

    def _current(self, written_job: Job, attempt: Attempt) -> Job:
        """Add to a job that was just written what happened to its other attempts meanwhile."""
        if not self.job.attempts and written_job.attempts == (attempt,) and self.job.deleted_at is None:
            # It is the first, and nothing else happened.
            return written_job
        attempts = self.job.with_attempt(attempt).attempts
        return replace(written_job, attempts=attempts, deleted_at=self.job.deleted_at)

    def _publish(self, job: Job) -> None:
        self.job = job
        self._desk.publish(job)
