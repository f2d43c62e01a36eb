"""One job, from its first attempt to its end: the only loop that spends money."""

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from math import inf
from typing import Final, TypeAlias

from providers.canonical import Failure, Reason, Stage, Succeeded, VideoRequest
from providers.classification import unsent
from router.core.decision_record import DecisionRecord, record_of
from router.core.events import FailedOver, FailoverDelayed
from router.core.exhaustion import nobody_left
from router.core.intent import booking, intent, next_attempt_id, started
from router.core.job import WITHDRAWN, Attempt, AttemptState, Job, JobState
from router.core.ledger import LedgerEntry, exposure
from router.core.pacing import resumed_poll_after_s
from router.core.permits import AttemptPermits, Held
from router.core.routing import Candidate, Decision
from router.core.routing_memory import JobSoFar
from router.engine.attempt_run import (
    FETCH_PAST_DEADLINE_S,
    AttemptRun,
)
from router.engine.birth import Birth
from router.engine.desk import Desk
from router.engine.exchange import ContentError
from router.engine.fetch import Fetched, fetch_once
from router.engine.images import with_bytes
from router.engine.live_job import CANCELLED, LiveJob
from router.engine.parts import Parts, written
from router.engine.poll import poll_once
from router.engine.search import look_for, may_be_found
from router.engine.store import DeletedJobError, StoreUnavailableError
from router.engine.turn import POLLED_PAST_DEADLINE_S, Turn, next_turn

_ROUTE_AGAIN_AFTER_S: Final = 1.0
_ROUTE_AGAIN_AFTER_S_MAX: Final = 15.0
_WITHDRAWN: Final = replace(unsent("nobody wants it from this provider any more"), code=WITHDRAWN)

Chosen: TypeAlias = tuple[Candidate, AttemptPermits, Decision]
"""Where an attempt goes, its place there, and why."""


class JobRun(LiveJob):
    """Takes one job to its end, step by step. It may be dropped at any await and built again: the rows are the truth.

    Between two steps there is nothing of it but this: no task, no timer, and no entries, which the store has.
    """

    __slots__ = ("__weakref__", "_birth", "_delayed_after", "_held", "_interrupted", "_turn", "_under_way", "due_at")

    def __init__(self, parts: Parts, desk: Desk, job: Job) -> None:
        super().__init__(parts, desk, job)
        self.due_at = inf
        self._birth: Birth | None = None
        self._under_way: AttemptRun | None = None
        # Whether there may be an attempt that a restart interrupted, and then a look at what it left behind.
        self._interrupted = bool(job.attempts)
        # What the one holds that was running, and its turn, as long as nobody has asked about it.
        self._held: Held | None = None
        self._turn = Turn.NONE
        self._delayed_after = 0
        if self._interrupted and (attempt := job.at_work) is not None:
            parts.memory.began(attempt, job.video.size)

    def chosen(self, decision: Decision, candidates: Sequence[Candidate]) -> Chosen | None:
        """Take a place for the job's next attempt at the first of these candidates that has one."""
        for candidate in candidates:
            permits = self._parts.try_start(self.job, decision, candidate)
            if permits is not None:
                return candidate, permits, decision
        return None

    async def begin(self, birth: Birth, chosen: Chosen | None) -> None:
        """Make the job durable, with the intent of its first attempt where one was chosen, and submit that.

        What the store raises leaves it unknown whether the job is durable, until `birth` was told.
        """
        self._birth = birth
        if chosen is not None:
            await self._started(*chosen)
        if self._birth is not None:
            self._born(await birth.alone(self._parts.store, self.job))

    async def run(self, lag_s: float = 0.0) -> float | None:
        """Try offering after offering until one delivers, or the policy says stop.

        Returns for how many seconds there is nothing to do but to wait, or None at the end. `lag_s` is how much later
        than it wanted it is run again.
        """
        while not self.job.ended:
            if self._under_way is not None:
                wait_s = await self._step(self._under_way, lag_s)
                # Whoever rang while it was asked about found nobody asleep whom he could wake.
                if wait_s is not None and not self._alarm.rung:
                    # The store has them, should they be needed again.
                    self._entries = None
                    return wait_s
            elif self._interrupted:
                if (wait_s := await self._resume()) is not None:
                    return wait_s
            elif self._desk.stopping:
                return None
            elif (chosen := await self._candidate()) is not None:
                await self._attempt(*chosen)
        self._parts.memory.retries.leave(self.job.id)
        return None

    def resumed(self) -> float | None:
        """Take up the attempt that a restart interrupted, where it runs; return in how many seconds to ask about it.

        Until then it is its rows and no more. None where there is something to do first.
        """
        attempt, parts = self.job.at_work, self._parts
        if attempt is None or attempt.state is not AttemptState.RUNNING or self._alarm.rung:
            return None
        if attempt.provider not in parts.catalog.providers:
            return None
        polling = parts.catalog.polling(attempt.provider, attempt.offering_id)
        age_s = max(0.0, parts.now() - attempt.submitted_at)
        if age_s < polling.first_after_s or parts.memory.hints.hinted_early(attempt.provider, attempt.remote_id or ""):
            self._under_way = self._taken_up(attempt)
            return self._under_way.first_after_s()
        self._held = parts.health[attempt.provider].take_up()
        pace = parts.memory.durations(attempt, self.job.video.size).pace()
        wait_s = resumed_poll_after_s(polling, pace, age_s, parts.rng)
        return min(wait_s, max(polling.interval_s_min, self.job.deadline_at - parts.now()))

    def asked_about(self) -> Attempt | None:
        """Return the attempt whose provider is asked from time to time."""
        if self._held is not None:
            return self.job.at_work
        return None if self._under_way is None else self._under_way.attempt

    def hinted(self, remote_id: str) -> float | None:
        """Take in that its provider says that this job of its own has ended; return in how many seconds to ask it."""
        attempt = self.asked_about()
        if attempt is None or attempt.remote_id != remote_id:
            return None
        if self._under_way is None:
            self._under_way = self._taken_up(attempt)
        return self._under_way.hinted()

    async def _resume(self) -> float | None:
        """Go on with an attempt that a restart interrupted. A submit without an answer is never sent again.

        Returns for how many seconds there is nothing to do but to wait.
        """
        attempt = self.job.at_work
        if attempt is None:
            self._interrupted = False
            if not self._cancelled:
                await self._look_at_late()
        elif attempt.state is not AttemptState.RUNNING:
            await self._see_interrupted(attempt)
        elif (turn_s := self._turn_s(attempt)) > 0.0:
            return turn_s
        else:
            self._under_way = self._taken_up(attempt)
        return None

    def _turn_s(self, attempt: Attempt) -> float:
        """Seconds until the first question about an attempt that waits for it has its turn."""
        is_over = self._alarm.rung or attempt.provider not in self._parts.catalog.providers
        if self._held is None or self._turn is not Turn.NONE or is_over:
            return 0.0
        turn_s, self._turn = next_turn(self._parts, attempt, self._left_s() + POLLED_PAST_DEADLINE_S)
        return turn_s

    def _taken_up(self, attempt: Attempt) -> AttemptRun:
        """Go on with an attempt that runs; one that has waited for its first question is to be asked about now."""
        health, held = self._parts.health.get(attempt.provider), self._held
        permits = None if health is None else health.permits(held or health.take_up())
        run = self._attempt_run(attempt, permits, resumed=True)
        if held is not None and attempt.provider in self._parts.catalog.providers:
            run.watched()
        run.turn, self._turn, self._held = self._turn, Turn.NONE, None
        return run

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
            done = await poll_once(self._parts, attempt, prompt=self.job.video.prompt, turn_within_s=self._left_s())
            if isinstance(done, Succeeded):
                within_s = self._left_s() + FETCH_PAST_DEADLINE_S
                with suppress(ContentError):
                    self.adopt(attempt, Fetched(done, await fetch_once(self._parts, attempt, done, within_s)))

    def _left_s(self) -> float:
        return max(0.0, self.job.deadline_at - self._parts.now())

    async def _candidate(self) -> Chosen | None:
        """Find an offering, its provider's permit and why it; None when the job ended or has to be routed again."""
        if self._cancelled:
            await self._end(CANCELLED)
            return None
        if self._adopted is not None:
            await self._deliver_adopted(None)
            return None
        left_s = self.job.deadline_at - self._parts.now()
        decision = self._route(await self._booked())
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
        if (chosen := self.chosen(decision, candidates)) is not None:
            return chosen
        wait_s = min(max(decision.retry_after_s or 0.0, _ROUTE_AGAIN_AFTER_S), _ROUTE_AGAIN_AFTER_S_MAX)
        await self._alarm.sleep(min(wait_s, may_begin_for_s))
        return None

    def _route(self, entries: Collection[LedgerEntry]) -> Decision:
        if len(self.job.asked) >= self._limits.attempts_max:
            return Decision((), ())
        tried = frozenset(attempt.offering_id for attempt in self.job.asked)
        left = self._limits.spend_microusd_max - exposure(entries).total_microusd
        history = JobSoFar(tried, max(0, left), self.job.deadline_at - self._parts.now())
        return self._parts.decide(self.job.video, self.job.preferences, self.job.caller, history)

    def _in_time(self, decision: Decision, left_s: float) -> tuple[Candidate, ...]:
        """Leave out, once the job was attempted, whose video could not even be asked for before the deadline."""
        if not self.job.asked:
            return decision.candidates
        first_after_s = {name: each.polling.first_after_s for name, each in self._parts.catalog.providers.items()}
        return tuple(each for each in decision.candidates if first_after_s[each.offering.provider] <= left_s)

    async def _attempt(self, candidate: Candidate, permits: AttemptPermits, decision: Decision) -> None:
        """Submit, and go on with it."""
        try:
            await self._started(candidate, permits, decision)
        except StoreUnavailableError:
            # Without its intent nothing was sent; by the time one can be written, another offering may be right.
            await self._alarm.sleep(_ROUTE_AGAIN_AFTER_S)
            await self._see_unsent()
        except DeletedJobError:
            # A deletion that nobody could confirm, or that this run was built too early to know of.
            self.cancel(self._parts.now())

    async def _started(self, candidate: Candidate, permits: AttemptPermits, decision: Decision) -> None:
        meant = next_attempt_id(self.job)
        try:
            # Its answer is waited for even when the engine stops, so that it is always recorded.
            with self._desk.submitting():
                run = await self._submit(candidate, permits, decision)
        finally:
            self._parts.memory.dropped(meant)
        if run is not None:
            await self._see_through(run)

    async def _submit(self, candidate: Candidate, permits: AttemptPermits, decision: Decision) -> AttemptRun | None:
        """Make the intent durable, then submit; None when the answer ended the attempt, or nothing could be sent.

        The run that is returned was accepted, or has `lost` its answer where that may be found. Raises
        StoreUnavailableError when the intent cannot be written, or the input images cannot be read.
        """
        with permits:
            video = await self._with_bytes(candidate.video)
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
        after = before.moved(JobState.IN_PROGRESS, attempts=(*before.attempts, attempt))
        with run.permits_kept():
            try:
                why = record_of(decision, self.job.video, attempt.submitted_at, candidate)
                stored = await self._write_intent(before, after, attempt, entry, why)
            except Exception as error:
                self._parts.unwritten(attempt, error)
                raise
            self._parts.unsent.discard(attempt.id)
            if not stored:
                self._parts.budgets.release(attempt.id)
                permits.abandon()
                return None
            self._book(entry)
            self._publish(self._current(after, attempt))
            self._parts.memory.began(attempt, self.job.video.size)
            self._parts.emit(started(self.job, attempt, candidate, decision))
            if previous is not None:
                self._parts.emit(FailedOver(self.job, previous, attempt))
            asked = self._parts.still_asks(provider) and not self._cancelled
            if not asked:
                # Which says nothing of it.
                permits.abandon()
            self._parts.submits.add(attempt.id)
            try:
                failure = await run.submit(video) if asked else _WITHDRAWN
            finally:
                self._parts.submits.discard(attempt.id)
            if failure is not None and not may_be_found(self._parts, attempt, failure):
                await self._conclude(run, failure)
                return None
        run.lost = failure
        self._publish(self.job.with_attempt(run.attempt))
        return run

    async def _write_intent(
        self, before: Job, after: Job, attempt: Attempt, entry: LedgerEntry, why: DecisionRecord
    ) -> bool:
        """Make an intent durable; False when there is an earlier job in the place of one that is not yet stored."""
        store = self._parts.store
        if self._birth is None:
            await store.start_attempt(before, after, attempt, entry, why)
            return True
        # What its caller is told is the job as he ordered it: it has begun by the time he asks again.
        return self._born(await self._birth.with_attempt(store, after, attempt, entry, why))

    def _born(self, stored: Job) -> bool:
        """Tell everybody that the job is durable; False when an earlier one stands for it."""
        birth, self._birth = self._birth, None
        is_new = stored.id == self.job.id
        if is_new:
            self._desk.welcome(self)
        if birth is not None:
            birth.tell(self.job if is_new else stored)
            # Whoever waits on behind it must not hold the bytes of its images.
            birth.video = self.job.video
        return is_new

    async def _with_bytes(self, video: VideoRequest) -> VideoRequest | None:
        """Return what is submitted with the bytes of its images; what was just ordered still has them."""
        if self._birth is not None:
            images = self._birth.video.images
            return video if video.images is images else replace(video, images=images)
        return await with_bytes(self._parts.store, self.job.id, video)

    async def _see_through(self, run: AttemptRun) -> None:
        """Go on with an attempt that was accepted, or look for it where its answer was lost."""
        missed = None if run.lost is None else await self._look_for(run, run.lost)
        if missed is None:
            self._under_way = run
            return
        with run.permits_kept():
            await self._conclude(run, missed)

    async def _step(self, run: AttemptRun, lag_s: float) -> float | None:
        """Ask about the attempt under way; return for how many seconds it has to be waited for, None at its end."""
        with run.permits_kept():
            ending = await run.step(lag_s)
            if run.watch is not None:
                self._progress(run.watch.progress)
            if isinstance(ending, float):
                return ending
            self._under_way = None
            await self._conclude(run, ending)
        return None

    async def _look_for(self, run: AttemptRun, lost: Failure) -> Failure | None:
        """Look for a submit without an answer; return what it failed of, or None when it is found and runs."""
        missed = await look_for(self._parts, run, self.job.video, lost)
        if missed is None:
            # The lost answer gave its place away.
            run.permits = self._parts.health[run.attempt.provider].resume()
            run.trail.found_at = self._parts.now()
        self._publish(self.job.with_attempt(run.attempt))
        return missed
