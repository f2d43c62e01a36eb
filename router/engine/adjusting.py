"""Corrections of what attempts cost, as the provider's invoice has it."""

from dataclasses import replace
from typing import Protocol

from router.core.budget import Booking
from router.core.events import LedgerAdjusted
from router.core.job import Attempt, Job, job_id_of
from router.core.ledger import AdjustmentError, LedgerEntry, adjustment, cost_in_all, cost_microusd
from router.engine.parts import Parts
from router.engine.store import StaleWriteError


class Company(Protocol):
    """What a correction needs of the engine."""

    def noted(self, attempt: Attempt, *entries: LedgerEntry) -> None:
        """Take note that an attempt's money is another one now."""


class Adjusting:
    """Books corrections; raises AdjustmentError, and StoreUnavailableError as all writes do."""

    def __init__(self, parts: Parts, company: Company) -> None:
        self._parts = parts
        self._company = company

    async def adjust(self, attempt_id: str, to_microusd: int, note: str) -> LedgerEntry:
        """Correct what an attempt cost, and return the entry that says so."""
        job, attempt = await self._find(attempt_id)
        entries = await self._parts.store.entries(job.id)
        entry = adjustment(attempt, entries, to_microusd, note, self._parts.now())
        before_microusd = cost_in_all(attempt.id, entries) or 0
        try:
            await self._parts.store.adjust(entry, before_microusd)
        except StaleWriteError:
            message = f"the money of {attempt.id} was changed at this very moment; look at `video-router report --jobs`"
            raise AdjustmentError(message, "changed_meanwhile") from None
        self._count(job, attempt, entry, before_microusd)
        attempt = replace(attempt, billed=to_microusd > 0)
        self._company.noted(attempt, entry)
        self._parts.emit(LedgerAdjusted(job.with_attempt(attempt), attempt, entry))
        return entry

    async def _find(self, attempt_id: str) -> tuple[Job, Attempt]:
        job = await self._parts.store.any_job(job_id_of(attempt_id))
        attempt = next((each for each in job.attempts if each.id == attempt_id), None) if job else None
        if job is None or attempt is None:
            message = (
                f"there is no attempt {attempt_id[:128]!r}; it is the id of a job and a number, such as video_1f2e-1,"
                " which `video-router report --jobs` lists"
            )
            raise AdjustmentError(message, "attempt_not_found")
        return job, attempt

    def _count(self, job: Job, attempt: Attempt, entry: LedgerEntry, before_microusd: int) -> None:
        # A write that seemed to fail may have closed its money: then its budgets hold the quote until now.
        self._parts.budgets.settle(attempt.id, before_microusd)
        at, change = attempt.submitted_at, cost_microusd(entry)
        self._parts.budgets.adjust(Booking(None, attempt.provider, job.caller, at, change))
