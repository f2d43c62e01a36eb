"""An operator's word on an attempt whose money is open."""

from typing import Final, Protocol, assert_never

from providers.canonical import Failure, Stage
from router.core.events import AttemptResolved
from router.core.job import Attempt, AttemptState, Job, job_id_of
from router.core.ledger import TOLD_COST_QUOTES_MAX, CostKind, EntryKind, LedgerEntry, voided
from router.core.money import usd
from router.core.resolution import Billed, Found, NotFound, Resolution, ResolutionError
from router.engine.parts import Parts
from router.engine.poll import poll_once
from router.engine.store import RemoteIdTakenError, StaleWriteError

_NOT_OPEN: Final = "attempt_not_open"
_TURN_WITHIN_S: Final = 10.0
_BILLED: Final = {None: "", True: ", billed", False: ", not billed"}


class Company(Protocol):
    """What a resolution needs of the engine."""

    def noted(self, attempt: Attempt) -> None:
        """Take note that the upstream has it, or of how it ended."""

    def watch_late(self, job: Job, attempt: Attempt) -> None:
        """Keep asking about it."""

    def unwatch(self, attempt: Attempt) -> None:
        """Stop asking about it."""

    def settled(self, job: Job, attempt: Attempt, entry: LedgerEntry) -> None:
        """Take note of what became of the attempt and its money."""


class Resolving:
    """Writes down what an operator found out; raises ResolutionError, and StoreUnavailableError as all writes do."""

    def __init__(self, parts: Parts, company: Company) -> None:
        self._parts = parts
        self._company = company

    async def resolve(self, name: str, resolution: Resolution) -> Attempt:
        """Resolve the attempt of that id, or the one open attempt of the job of that id, and return it as it is now."""
        job, attempt = await self._open(name)
        try:
            match resolution:
                case Found(remote_id):
                    return await self._found(job, attempt, remote_id)
                case NotFound():
                    return await self._closed(job, attempt, resolution, voided(attempt, self._parts.now()))
                case Billed(microusd):
                    return await self._closed(job, attempt, resolution, self._billed(attempt, microusd))
                case _:
                    assert_never(resolution)
        except StaleWriteError:
            message = f"{attempt.id} was settled at this very moment; look at `video-router report --jobs`"
            raise ResolutionError(message, _NOT_OPEN) from None

    async def _open(self, name: str) -> tuple[Job, Attempt]:
        job = await self._parts.store.any_job(name) or await self._parts.store.any_job(job_id_of(name))
        named = [] if job is None else [each for each in job.attempts if name in (each.id, each.job_id)]
        if job is None or not named:
            raise ResolutionError(f"there is no job or attempt {name[:128]!r}", "attempt_not_found")
        uncertain = [each for each in named if each.uncertain]
        if not uncertain:
            await self._catch_up(job, named)
            states = ", ".join(f"{each.id} is {each.state}{_BILLED[each.billed]}" for each in named)
            raise ResolutionError(f"no money of {name} is uncertain: {states}", _NOT_OPEN)
        if len(uncertain) > 1:
            listed = ", ".join(each.id for each in uncertain)
            raise ResolutionError(f"{name} has several open attempts; name one of {listed}", "several_open")
        return job, uncertain[0]

    async def _catch_up(self, job: Job, attempts: list[Attempt]) -> None:
        """Let all know of closed money: an earlier word may have been taken although its write failed."""
        await self._parts.recount(job.id)
        for attempt in attempts:
            if attempt.state is AttemptState.FAILED:
                self._company.unwatch(attempt)
                self._company.noted(attempt)

    async def _found(self, job: Job, attempt: Attempt, remote_id: str) -> Attempt:
        if attempt.provider not in self._parts.catalog.providers:
            message = f"{attempt.provider} is not configured, so nobody can ask it; say whether it billed the attempt"
            raise ResolutionError(message, "provider_not_configured")
        if attempt.remote_id is not None and attempt.remote_id != remote_id:
            message = (
                f"{attempt.id} is {attempt.remote_id} at {attempt.provider}, and is asked about as that; if it is not,"
                " say whether it was billed"
            )
            raise ResolutionError(message, "remote_id_known")
        if attempt.state is AttemptState.LATE:
            self._company.watch_late(job, attempt)
            return attempt
        late = attempt.moved(AttemptState.LATE, remote_id=remote_id, accepted_at=self._parts.now())
        await self._confirm(job, late, remote_id)
        try:
            await self._parts.store.move_attempt(attempt, late)
        except RemoteIdTakenError:
            message = f"another attempt at {attempt.provider} is {remote_id} already"
            raise ResolutionError(message, "remote_id_taken") from None
        self._company.unwatch(attempt)
        self._company.noted(late)
        self._company.watch_late(job, late)
        self._parts.emit(AttemptResolved(job.with_attempt(late), late, Found(remote_id)))
        return late

    async def _confirm(self, job: Job, late: Attempt, remote_id: str) -> None:
        """Ask the provider for the id once: one that was misspelt would be asked about for a day, and stay."""
        reading = await poll_once(self._parts, late, prompt=job.video.prompt, turn_within_s=_TURN_WITHIN_S)
        if isinstance(reading, Failure) and reading.stage is Stage.POLL:
            message = (
                f"{late.provider} tells nothing of {remote_id} ({reading.reason}); look at the id again, try again when"
                " the provider answers, or say whether it was billed"
            )
            raise ResolutionError(message, "remote_id_unconfirmed")

    async def _closed(self, job: Job, attempt: Attempt, resolution: Resolution, entry: LedgerEntry) -> Attempt:
        after = attempt.moved(AttemptState.FAILED, ended_at=attempt.ended_at)
        await self._parts.store.settle(attempt, after, entry, None, None)
        self._company.unwatch(attempt)
        self._company.settled(job, after, entry)
        self._parts.emit(AttemptResolved(job.with_attempt(after), after, resolution))
        return after

    def _billed(self, attempt: Attempt, microusd: int | None) -> LedgerEntry:
        amount = attempt.quote_microusd if microusd is None else microusd
        if amount > TOLD_COST_QUOTES_MAX * attempt.quote_microusd:
            message = (
                f"{usd(amount)} USD is more than {TOLD_COST_QUOTES_MAX} times the quote of"
                f" {usd(attempt.quote_microusd)} USD; look at the amount again"
            )
            raise ResolutionError(message, "amount_beyond_belief")
        at, kind = self._parts.now(), CostKind.FAILED_BILLED
        return LedgerEntry(attempt.id, attempt.job_id, attempt.provider, EntryKind.POSTED, amount, at, kind)
