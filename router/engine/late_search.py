"""Submits whose job ended, or went on, without their answer: looked for slowly until they are found or ruled out."""

from contextlib import suppress
from typing import Final, Protocol

from router.core.events import LookupEnded, LookupResult
from router.core.job import Attempt, AttemptState, Job
from router.core.ledger import LedgerEntry, voided
from router.core.lookup import Matched, Unmatched
from router.core.pacing import late_poll_after_s
from router.engine.alarm import Alarm
from router.engine.parts import Parts, written
from router.engine.search import can_be_found, listed_by, look
from router.engine.store import RemoteIdTakenError, StaleWriteError, StoreUnavailableError

_SLOWDOWN_MAX: Final = 60


class Company(Protocol):
    """What a lost submit needs of the engine that its job lives in."""

    def noted(self, attempt: Attempt) -> None:
        """Take note that the upstream has it."""

    def settled(self, job: Job, attempt: Attempt, entry: LedgerEntry) -> None:
        """Take note of what became of the attempt and its money."""


class LateSearch:
    """Looks for one unknown attempt of a job, which may be over."""

    def __init__(self, parts: Parts, company: Company, job: Job, attempt: Attempt) -> None:
        self._parts = parts
        self._company = company
        self._job = job
        self._attempt = attempt

    async def run(self) -> Attempt | None:
        """Return the attempt as late once it is found; None when it is settled, or for an operator to find out."""
        polling = self._parts.catalog.polling(self._attempt.provider, self._attempt.offering_id)
        over_at = self._attempt.submitted_at + polling.deadline_s + polling.late_s_max
        looks = 0
        while self._parts.now() < over_at and can_be_found(self._parts, self._attempt):
            looks = min(looks + 1, _SLOWDOWN_MAX)
            await Alarm().sleep(looks * late_poll_after_s(polling, self._parts.rng))
            looked_at = self._parts.now()
            try:
                match await look(self._parts, self._attempt, self._job.video):
                    case Matched(remote_id):
                        return await self._claim(remote_id)
                    case Unmatched() if self._proves_absence(looked_at):
                        await self._void()
                        return None
            except StaleWriteError:
                # An operator was faster, or this very write was durable although it was reported as failed.
                return await self._reread()
            except RemoteIdTakenError:
                continue
            if (named := await self._named()) is not None:
                return named
        return None

    def _proves_absence(self, looked_at: float) -> bool:
        """Whether what its provider did not list then was never taken on; its job's end may have cut the search off."""
        provider = self._parts.provider(self._attempt.provider)
        return provider.lookup.proves_absence and looked_at >= listed_by(provider, self._attempt)

    async def _claim(self, remote_id: str) -> Attempt:
        late = self._attempt.moved(AttemptState.LATE, remote_id=remote_id, accepted_at=self._parts.now())
        await written(lambda: self._parts.store.move_attempt(self._attempt, late))
        self._company.noted(late)
        self._parts.emit(LookupEnded(late.provider, late.id, LookupResult.FOUND))
        return late

    async def _void(self) -> None:
        at = self._parts.now()
        after, entry = self._attempt.moved(AttemptState.FAILED, ended_at=at), voided(self._attempt, at)
        await written(lambda: self._parts.store.settle(self._attempt, after, entry, None, None))
        self._parts.emit(LookupEnded(after.provider, after.id, LookupResult.ABSENT))
        self._company.settled(self._job, after, entry)

    async def _named(self) -> Attempt | None:
        """Return it as late if an operator said where it is, and was told that this could not be written."""
        with suppress(StoreUnavailableError):
            return await self._reread()
        return None

    async def _reread(self) -> Attempt | None:
        await self._parts.recount(self._job.id)
        job = await self._parts.store.any_job(self._job.id)
        found = next((each for each in job.attempts if each.id == self._attempt.id), None) if job else None
        if found is None or found.state is not AttemptState.LATE:
            return None
        self._company.noted(found)
        return found
