"""Attempts that their job went on without: asked about slowly until their money is known."""

from contextlib import suppress
from typing import Protocol

from providers.canonical import Failure, Running, Stage, Succeeded
from router.core.job import Attempt, AttemptState, Job
from router.core.ledger import CostKind, LedgerEntry, closing, posted
from router.core.pacing import late_poll_after_s
from router.engine.alarm import Alarm
from router.engine.attempt_run import Fetched, fetch_once, poll_once
from router.engine.exchange import ContentError
from router.engine.parts import Parts, written
from router.engine.store import StaleWriteError


class Company(Protocol):
    """What a late attempt needs of the engine that its job lives in."""

    def current(self, job_id: str) -> Job | None:
        """Return the job as it is now, or None when it is over."""

    def offer(self, attempt: Attempt, fetched: Fetched) -> bool:
        """Hand its video to the job; refused when the job is over."""

    def settled(self, attempt: Attempt, entry: LedgerEntry) -> None:
        """Take note of what became of the attempt and its money."""


class LateWatch:
    """Watches one late attempt."""

    def __init__(self, parts: Parts, company: Company, attempt: Attempt) -> None:
        self._parts = parts
        self._company = company
        self._attempt = attempt

    async def run(self) -> None:
        """Poll until the money is known; after `late_s_max` it stays uncertain, for an operator to see."""
        polling = self._parts.provider(self._attempt.provider).polling
        over_at = self._attempt.submitted_at + polling.deadline_s + polling.late_s_max
        while self._parts.now() < over_at:
            await Alarm().sleep(late_poll_after_s(polling, self._parts.rng))
            match await poll_once(self._parts, self._attempt):
                case Succeeded() as done:
                    if self._company.current(self._attempt.job_id) is None or not await self._hand_over(done):
                        return await self._settle_success(done)
                case Failure(stage=Stage.POLL) | Running():
                    pass
                case Failure() as failure:
                    return await self._settle_failure(failure)
        return None

    async def _hand_over(self, done: Succeeded) -> bool:
        """Offer the video to the job. What becomes of the offer shows at the next look."""
        with suppress(ContentError):
            return self._company.offer(self._attempt, Fetched(done, await fetch_once(self._parts, self._attempt, done)))
        return False

    async def _settle_success(self, done: Succeeded) -> None:
        at = self._parts.now()
        entry = posted(self._attempt, CostKind.DUPLICATE, at, done.cost_microusd)
        await self._settle(self._attempt.moved(AttemptState.SUCCEEDED, ended_at=at), entry)

    async def _settle_failure(self, failure: Failure) -> None:
        at = self._parts.now()
        entry = closing(self._attempt, failure, self._parts.provider(self._attempt.provider).charge_rule, at)
        if entry is not None:
            await self._settle(self._attempt.moved(AttemptState.FAILED, ended_at=at), entry)

    async def _settle(self, after: Attempt, entry: LedgerEntry) -> None:
        # The job may have adopted the attempt in the meantime, and booked it: whoever came first is right.
        with suppress(StaleWriteError):
            await written(lambda: self._parts.store.settle(self._attempt, after, entry, None, None))
            self._company.settled(after, entry)
