"""The engine: takes orders, keeps one run per live job, answers from memory, and comes back after a crash."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager, suppress
from dataclasses import asdict, replace
from typing import Final
from weakref import WeakValueDictionary

from providers.canonical import Variant, VideoRequest
from router.core.catalog import Catalog
from router.core.decision_record import DecisionRecord, record_of
from router.core.draining import Draining, drain
from router.core.events import AttemptEnded, JobAccepted
from router.core.idempotency import KEPT_S, IdempotencyConflictError, IdempotencyKey
from router.core.job import Attempt, Job
from router.core.ledger import LedgerEntry, cost_microusd, with_money
from router.core.limits import ServerSettings
from router.core.order import (
    Acceptance,
    Deletion,
    JobPage,
    NoCandidateError,
    Order,
    Readiness,
    UnavailableError,
)
from router.core.preferences import RoutingPreferences
from router.core.resolution import Resolution
from router.core.terms import terms_of
from router.engine.adjusting import Adjusting
from router.engine.birth import Birth
from router.engine.exchange import ContentStream
from router.engine.fetch import Fetched
from router.engine.images import without_bytes
from router.engine.job_run import Chosen, JobRun
from router.engine.late_watches import LateWatches
from router.engine.parts import Parts
from router.engine.resolving import Resolving
from router.engine.serving import Serving
from router.engine.store import StoreUnavailableError
from router.engine.tasks import Tasks
from router.engine.timetable import Timetable
from router.engine.unconfirmed import Unconfirmed, store_within_reach, unconfirmed

_LOG = logging.getLogger(__name__)
# A prompt may have tens of thousands of characters; older jobs are read from the store.
_ENDED_JOBS_KEPT: Final = 2_000
_RESTART_RUN_AFTER_S: Final = 5.0
_FORGET_KEYS_EVERY_S: Final = 3600.0


class Engine:
    """Everything the front door may ask of the router."""

    def __init__(self, parts: Parts, settings: ServerSettings, new_id: Callable[[], str]) -> None:
        self._parts = parts
        self._settings = settings
        self._new_id = new_id
        self._runs: dict[str, JobRun] = {}
        self._ended: OrderedDict[str, Job] = OrderedDict()
        self._tasks = Tasks()
        self._timetable: Timetable[JobRun] = Timetable(self._go_on)
        self._watches = LateWatches(parts, self, self._tasks.spawn)
        self._serving = Serving(parts, self._put)
        self._resolving = Resolving(parts, self)
        self._adjusting = Adjusting(parts, self)
        # Those of providers that may call, each for as long as it lives.
        self._called: WeakValueDictionary[tuple[str, str], JobRun] = WeakValueDictionary()
        parts.listed.hint = self.hint
        self._unconfirmed = Unconfirmed(parts.store, self._take_up, self._tasks.spawn)

    def use(self, settings: ServerSettings) -> None:
        """Go on with other limits; the jobs that are live stay, however many.

        A provider may have come that nobody could ask before, or whose jobs may be looked for now.
        """
        self._settings = settings
        if not self.stopping:
            self._watches.begin_again()

    @property
    def stopping(self) -> bool:
        """Whether nothing new may be submitted any more."""
        return self._tasks.stopping

    @property
    def catalog(self) -> Catalog:
        """What is for sale."""
        return self._parts.catalog

    async def start(self) -> list[Job]:
        """Take up every job that is not over and every attempt whose money is not known, and return those jobs."""
        jobs = await self._parts.restored()
        self._tasks.spawn(self._timetable.run())
        for job in jobs:
            if not job.ended:
                self._begin(JobRun(self._parts, self, job))
            self._watches.begin_all(job)
        self._tasks.spawn(self._forget_keys())
        return jobs

    async def stop(self, grace_s: float) -> None:
        """Take no more jobs, let submits under way be answered for `grace_s`, and leave the rest to the next start."""
        await self._tasks.stop(grace_s)

    async def accept(self, order: Order) -> Acceptance:
        """Make a job of an order, durable before this returns.

        Raises NoCandidateError, UnavailableError and IdempotencyConflictError, and nothing is stored then; or
        UnconfirmedError, when nobody knows.
        """
        if order.key is not None and (earlier := await self._earlier(order.key)) is not None:
            return Acceptance(self._seen(earlier), replayed=True)
        if self.stopping:
            raise UnavailableError("the router is shutting down", 5.0)
        if len(self._runs) + len(self._unconfirmed) >= self._settings.jobs_live_max:
            raise UnavailableError("the router has as many unfinished jobs as it takes", 10.0)
        # What lives on must not hold the images: a decision's candidates hold the video, too.
        video = without_bytes(order.video)
        decision = self._parts.decide(video, order.preferences, order.caller)
        if decision.first is None:
            raise NoCandidateError(decision)
        job = self._job(order, video)
        run, stored = JobRun(self._parts, self, job), asyncio.get_running_loop().create_future()
        # At once: whoever is routed next has to know who was chosen.
        chosen = run.chosen(decision, decision.candidates)
        # Not one of those that a stop cancels: a submit that may leave has to be waited for.
        self._tasks.spawn(self._bear(run, Birth(order.video, order.key, stored), chosen), submits=True)
        replayed = (durable := await stored).id != job.id
        return Acceptance(self._seen(durable) if replayed else durable, replayed=replayed)

    def quote(self, video: VideoRequest, preferences: RoutingPreferences, caller: str) -> DecisionRecord:
        """Say who would take such a job now, in which order and at which price, and who would not and why."""
        return record_of(self._parts.decide(video, preferences, caller), video, self._parts.now())

    async def job(self, caller: str, job_id: str, *, deleted: bool = False) -> Job | None:
        """Return a caller's own job, one that he `deleted` only where asked for, or None.

        Raises UnavailableError, as all that asks the store.
        """
        run = self._runs.get(job_id)
        job = run.job if run else self._ended.get(job_id)
        if job is None:
            with store_within_reach():
                job = await (self._parts.store.any_job if deleted else self._parts.store.job)(job_id)
        return job if job is not None and job.caller == caller and (deleted or job.deleted_at is None) else None

    async def jobs(self, caller: str, *, limit: int, after: str | None, descending: bool) -> JobPage:
        """Return a page of a caller's jobs; LookupError when `after` is none of them."""
        with store_within_reach():
            page = await self._parts.store.jobs(caller, limit=limit, after=after, descending=descending)
        return replace(page, jobs=tuple(self._seen(job) for job in page.jobs))

    async def delete(self, caller: str, job_id: str) -> Deletion | None:
        """Make a job invisible, and cancel it while it is live; None when the caller has no such job."""
        job, at = await self.job(caller, job_id), self._parts.now()
        if job is None:
            return None
        with store_within_reach():
            await self._serving.delete(job, at)
        run = self._runs.get(job_id)
        job = run.job if run else self._ended.pop(job_id, job)
        if run is not None:
            run.cancel(at)
            self._wake(run)
        open_money = job.at_work is not None or any(attempt.uncertain for attempt in job.attempts)
        return Deletion(job, cancelled=not job.ended, may_be_charged=open_money)

    async def resolve(self, name: str, resolution: Resolution) -> Attempt:
        """Take an operator's word on an attempt, or the one open attempt of a job; return it as it is now.

        Raises ResolutionError and UnavailableError.
        """
        with store_within_reach():
            return await self._resolving.resolve(name, resolution)

    async def adjust(self, attempt_id: str, to_microusd: int, note: str) -> LedgerEntry:
        """Correct what an attempt cost, which is closed money only; raises AdjustmentError and UnavailableError."""
        with store_within_reach():
            return await self._adjusting.adjust(attempt_id, to_microusd, note)

    def drain(self, provider: str, drained: bool) -> Draining:
        """Let a provider finish what it has and give it nothing more, or give it jobs again; raises DrainError."""
        return drain(self._parts.health, self.catalog.sellers, provider, drained)

    def hint(self, provider: str, remote_id: str) -> bool:
        """Poll a job now whose provider says that it has ended, or soon after it was last; False for an unknown one."""
        run = self._called.get((provider, remote_id))
        if run is not None and (wait_s := run.hinted(remote_id)) is not None:
            self._timetable.hasten(run, wait_s)
        return run is not None

    async def decisions(self, job: Job) -> tuple[tuple[str, DecisionRecord], ...]:
        """Return why a job's attempts, by their ids and in their order, went where they went."""
        with store_within_reach():
            return await self._parts.store.decisions(job.id)

    def content(
        self, job: Job, variant: Variant, headers: Mapping[str, str]
    ) -> AbstractAsyncContextManager[ContentStream] | None:
        """Open a completed job's video; None when its provider has no such variant. Raises ContentError."""
        return self._serving.open(job, variant, headers)

    async def readiness(self) -> Readiness:
        """Say whether jobs are taken: the store can be written and nobody has asked for a shutdown."""
        try:
            await self._parts.store.ping()
            store = "ok"
        except StoreUnavailableError:
            store = "unavailable"
        health = {name: each.snapshot() for name, each in self._parts.health.items()}
        detail = {
            "draining": self.stopping,
            "store": store,
            "live_jobs": len(self._runs),
            "providers": {name: asdict(snapshot) for name, snapshot in health.items()},
        }
        return Readiness(not self.stopping and store == "ok", detail, self.stopping, health, self._parts.budgets.each())

    def publish(self, job: Job) -> None:
        """Keep an ended job at hand for a while; a live one is answered from its run."""
        if job.ended:
            self._runs.pop(job.id, None)
            if job.deleted_at is not None:
                return
            self._ended[job.id] = replace(job, video=replace(job.video, images=()))
            if len(self._ended) > _ENDED_JOBS_KEPT:
                self._ended.popitem(last=False)

    def watch_late(self, job: Job, attempt: Attempt) -> None:
        """Keep asking about an attempt until its money is known."""
        self._watches.begin(job, attempt)

    def unwatch(self, attempt: Attempt) -> None:
        """Stop asking about an attempt."""
        self._watches.end(attempt)

    def noted(self, attempt: Attempt, *entries: LedgerEntry) -> None:
        """Take note of what is known of an attempt now; what `entries` free, or take, is its job's to spend."""
        run = self._runs.get(attempt.job_id)
        if run is not None:
            run.note(attempt, *entries)
        else:
            self._put(attempt)

    def welcome(self, run: JobRun) -> None:
        """Take in a job that has just become durable."""
        self._runs[run.job.id] = run
        self._parts.emit(JobAccepted(run.job))

    def submitting(self) -> AbstractContextManager[None]:
        """Let the task that enters this come to the end of it even when the engine stops."""
        return self._tasks.submitting()

    def current(self, job_id: str) -> Job | None:
        """Return a job while it is live."""
        run = self._runs.get(job_id)
        return run.job if run else None

    def offer(self, attempt: Attempt, fetched: Fetched) -> bool:
        """Hand the video of a late attempt to its job."""
        run = self._runs.get(attempt.job_id)
        taken = run is not None and run.adopt(attempt, fetched)
        if run is not None and taken:
            self._wake(run)
        return taken

    def settled(self, job: Job, attempt: Attempt, entry: LedgerEntry) -> None:
        """Take note of a late attempt's end; its job may be over, deleted, or from before a restart."""
        self._parts.budgets.settle(entry.attempt_id, cost_microusd(entry))
        run, attempt = self._runs.get(job.id), with_money(attempt, entry)
        if run is not None:
            run.note(attempt, entry)
            job = run.job
        elif job.id in self._ended:
            job = self._ended[job.id] = self._ended[job.id].with_attempt(attempt)
        self._parts.emit(AttemptEnded(job, attempt, (entry,)))

    def _put(self, attempt: Attempt) -> None:
        """Put what became of an attempt into its job, while that is at hand."""
        job = self._ended.get(attempt.job_id)
        if job is not None:
            self._ended[job.id] = job.with_attempt(attempt)

    async def _earlier(self, key: IdempotencyKey) -> Job | None:
        with store_within_reach():
            return await self._parts.store.job_of_key(key)

    async def _bear(self, run: JobRun, birth: Birth, chosen: Chosen | None) -> None:
        """Make a job durable, submit it where somebody was chosen, and go on with it."""
        job_id = run.job.id
        try:
            await run.begin(birth, chosen)
        except IdempotencyConflictError as error:
            birth.fail(error)
        except StoreUnavailableError as error:
            self._unconfirmed.add(job_id)
            birth.fail(unconfirmed(error))
        except asyncio.CancelledError:
            birth.fail(unconfirmed())
            raise
        except Exception as error:  # noqa: BLE001 - whatever broke, who ordered it must hear of it, and a job not be lost
            if birth.fail(error):
                return
            _LOG.exception("the run of job %s broke and is built again", job_id)
            await self._rebuilt(job_id)
        if job_id in self._runs:
            await self._run(self._runs[job_id])

    def _take_up(self, job: Job) -> None:
        """Begin with a job that has turned out to be durable."""
        self._parts.emit(JobAccepted(job))
        if not self.stopping:
            self._begin(JobRun(self._parts, self, job))

    def _job(self, order: Order, video: VideoRequest) -> Job:
        now = self._parts.now()
        return Job(
            id=self._new_id(),
            caller=order.caller,
            video=video,
            created_at=now,
            deadline_at=now + terms_of(self._parts.limits, order.preferences).deadline_s,
            preferences=order.preferences,
            metadata=order.metadata,
            trace_parent=order.trace_parent,
        )

    def _seen(self, job: Job) -> Job:
        """Return the freshest view of a stored job: a poll writes nothing, so progress is in memory only."""
        return self.current(job.id) or job

    def _begin(self, run: JobRun) -> None:
        self._runs[run.job.id], wait_s = run, run.resumed()
        if wait_s is None:
            self._tasks.spawn(self._run(run))
        else:
            self._rest(run, wait_s)

    def _go_on(self, run: JobRun, late_s: float) -> None:
        """Take the next step of a run that has waited."""
        self._tasks.spawn(self._run(run, late_s))

    def _wake(self, run: JobRun) -> None:
        """Let a run that waits take its next step now."""
        if not self.stopping and self._timetable.take(run):
            self._go_on(run, 0.0)

    async def _run(self, run: JobRun, late_s: float = 0.0) -> None:
        """Run a job until it has to wait; should the run break, build it again from the store.

        A lost submit shows there as ambiguous.
        """
        while True:
            try:
                wait_s = await run.run(late_s)
            except Exception:  # noqa: BLE001 - whatever broke, the job must not be lost
                _LOG.exception("the run of job %s broke and is built again", run.job.id)
            else:
                return None if wait_s is None else self._rest(run, wait_s)
            if (rebuilt := await self._rebuilt(run.job.id)) is None:
                return None
            run, late_s = rebuilt, 0.0

    def _rest(self, run: JobRun, wait_s: float) -> None:
        self._timetable.put(run, wait_s)
        attempt = run.asked_about()
        if attempt is not None and attempt.remote_id is not None and self._parts.provider(attempt.provider).calls:
            self._called[attempt.provider, attempt.remote_id] = run

    async def _rebuilt(self, job_id: str) -> JobRun | None:
        """Build a run again from what is stored; None when its job is over."""
        job = await self._reloaded(job_id)
        if job is not None:
            # The write that made an attempt late may be what broke the run.
            self._watches.begin_all(job)
        if job is None or job.ended:
            self._parts.memory.retries.leave(job_id)
            self._runs.pop(job_id, None)
            return None
        run = self._runs[job_id] = JobRun(self._parts, self, job)
        return run

    async def _reloaded(self, job_id: str) -> Job | None:
        """Read a job anew, after a pause and as soon as the store can be read."""
        while True:
            await asyncio.sleep(_RESTART_RUN_AFTER_S)
            with suppress(StoreUnavailableError):
                await self._parts.recount(job_id)
                return await self._parts.store.any_job(job_id)

    async def _forget_keys(self) -> None:
        """Forget idempotency keys that no caller may rely on any more."""
        while True:
            with suppress(StoreUnavailableError):
                await self._parts.store.prune_idempotency_keys(self._parts.now() - KEPT_S)
            await asyncio.sleep(_FORGET_KEYS_EVERY_S)
