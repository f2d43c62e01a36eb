"""Attempts that their job went on without: asked about slowly until their money is known."""

from contextlib import suppress
from typing import Protocol

from providers.canonical import Failure, Running, Stage, Succeeded
from providers.capabilities import cancel_of
from router.core.events import Operation
from router.core.job import Attempt, AttemptState, Job
from router.core.ledger import CostKind, LedgerEntry, closing, posted
from router.core.pacing import late_poll_after_s
from router.engine.alarm import Alarm
from router.engine.exchange import ContentError
from router.engine.fetch import Fetched, fetch_once, written_by_adapter
from router.engine.parts import Parts, written
from router.engine.poll import poll_once
from router.engine.store import StaleWriteError, StoreUnavailableError


class Company(Protocol):
    """What a late attempt needs of the engine that its job lives in."""

    def current(self, job_id: str) -> Job | None:
        """Return the job as it is now, or None when it is over."""

    def offer(self, attempt: Attempt, fetched: Fetched) -> bool:
        """Hand its video to the job; refused when the job is over."""

    def settled(self, job: Job, attempt: Attempt, entry: LedgerEntry) -> None:
        """Take note of what became of the attempt and its money."""


class LateWatch:
    """Watches one late attempt of a job, which may be over."""

    def __init__(self, parts: Parts, company: Company, job: Job, attempt: Attempt) -> None:
        self._parts = parts
        self._company = company
        self._job = job
        self._attempt = attempt
        self._stopped = False

    async def run(self) -> None:
        """Poll until the money is known; after `late_s_max`, and one poll, it stays uncertain, for an operator to see.

        One that is found late, or named by an operator, is asked about for as long from then on.
        """
        polling = self._parts.catalog.polling(self._attempt.provider, self._attempt.offering_id)
        accepted_at = self._attempt.accepted_at or self._attempt.submitted_at
        over_at = accepted_at + polling.deadline_s + polling.late_s_max
        while True:
            await self._stop_upstream()
            await Alarm().sleep(late_poll_after_s(polling, self._parts.rng))
            match await poll_once(self._parts, self._attempt, prompt=self._job.video.prompt):
                case Succeeded() as done:
                    if not await self._handed_over(done):
                        return await self._settle_success(done)
                case Failure(stage=Stage.POLL) | Running():
                    pass
                case Failure() as failure:
                    return await self._settle_failure(failure)
            if self._parts.now() >= over_at:
                return None

    async def _stop_upstream(self) -> None:
        """Ask the provider once to make no video that nobody waits for any more; the polls tell what came of it."""
        canceller = cancel_of(self._parts.provider(self._attempt.provider).adapter)
        if self._stopped or canceller is None or not await self._is_unwanted():
            return
        self._stopped = True
        request = written_by_adapter(lambda: canceller.cancel_request(self._attempt.remote_id or ""))
        if request is not None:
            await self._parts.transport.send(self._attempt.provider, Operation.POLL, request)

    async def _is_unwanted(self) -> bool:
        """Whether its job is over without it: one that adopted this very video is over, too, and serves it."""
        if self._company.current(self._job.id) is not None:
            return False
        with suppress(StoreUnavailableError):
            job = await self._parts.store.any_job(self._job.id)
            open_ones = {each.id for each in job.attempts if each.uncertain} if job is not None and job.ended else ()
            return self._attempt.id in open_ones
        return False

    async def _handed_over(self, done: Succeeded) -> bool:
        """Offer the video to the job while it lives; the next look shows what became of it, or of a link not ready."""
        if self._company.current(self._job.id) is None:
            return False
        try:
            fetched = Fetched(done, await fetch_once(self._parts, self._attempt, done))
        except ContentError:
            return self._company.current(self._job.id) is not None
        return self._company.offer(self._attempt, fetched)

    async def _settle_success(self, done: Succeeded) -> None:
        at = self._parts.now()
        entry = posted(self._attempt, CostKind.DUPLICATE, at, done.cost_microusd)
        await self._settle(self._attempt.moved(AttemptState.SUCCEEDED, ended_at=at), entry)

    async def _settle_failure(self, failure: Failure) -> None:
        at = self._parts.now()
        entry = closing(self._attempt, failure, self._parts.provider(self._attempt.provider).charge_rule, at)
        if entry is not None:
            # The row keeps why its job left it; one that was merely overtaken had no failure until now.
            told = self._attempt if self._attempt.stage is not None else failure
            changes = {"stage": told.stage, "reason": told.reason, "code": told.code}
            await self._settle(self._attempt.moved(AttemptState.FAILED, ended_at=at, **changes), entry)

    async def _settle(self, after: Attempt, entry: LedgerEntry) -> None:
        try:
            await written(lambda: self._parts.store.settle(self._attempt, after, entry, None, None))
        except StaleWriteError:
            # The job may have adopted the attempt in the meantime, and booked it: whoever came first is right.
            await self._parts.recount(self._job.id)
        else:
            self._company.settled(self._job, after, entry)
