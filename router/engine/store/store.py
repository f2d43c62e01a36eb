"""The store: what the engine may ask of the database, and nothing else."""

import asyncio
import sqlite3
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Final

from providers.canonical import Size
from router.core.budget import Booking
from router.core.decision_record import DecisionRecord
from router.core.idempotency import IdempotencyKey
from router.core.job import Attempt, Job
from router.core.ledger import LedgerEntry
from router.core.lookup import LostSubmit
from router.core.order import JobPage
from router.engine.store import reads, writes
from router.engine.store.errors import StaleWriteError, StoreUnavailableError
from router.engine.store.file import MEMORY, connect, connect_read_only
from router.engine.store.lane import InlineLane, Lane, ThreadLane, commit_together, read_together
from router.engine.store.units import Start

_PRUNED_AT_ONCE: Final = 1_000
_DOUBTED_MAX: Final = 10_000


class Store:
    """Jobs, attempts, money and idempotency keys in one SQLite file.

    A write that has returned is on the disk; writes that wait at the same time are committed together. Every method
    may raise StoreUnavailableError, after which the store can be used again. A state's change that failed so may be
    durable all the same: asked for again, it is found to be done, and not stale.
    """

    def __init__(self, writer: Lane, reader: Lane) -> None:
        self._writer = writer
        self._reader = reader
        self._doubted: set[str] = set()

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        inline: bool = False,
        busy_timeout_s: float = 5.0,
        timed: Callable[[Lane], Lane] = lambda lane: lane,
    ) -> "Store":
        """Open a file, creating and migrating it where needed; `busy_timeout_s` is how long a lock is waited for.

        `inline` runs everything on the calling thread, for simulations; only then may `path` be `:memory:`. `timed` may
        wrap the lane of the writes. Raises StoreUnavailableError, or StoreVersionError for a newer router's or a
        stranger's file.
        """
        if inline:
            connection = connect(path, busy_timeout_s)
            return cls(timed(InlineLane(connection, commit_together)), InlineLane(connection, read_together))
        if path == MEMORY:
            raise ValueError("a database in memory has one connection: open it inline")
        connection = await asyncio.to_thread(connect, path, busy_timeout_s)
        reading = await asyncio.to_thread(connect_read_only, path, busy_timeout_s)
        return cls(
            timed(ThreadLane("store-writer", connection, commit_together)),
            ThreadLane("store-reader", reading, read_together),
        )

    async def close(self) -> None:
        """Commit what waits and let go of the file."""
        await self._reader.close()
        await self._writer.close()

    async def add_job(self, job: Job, key: IdempotencyKey | None = None) -> Job:
        """Insert a job and return it, or return the earlier one that its caller's key already stands for.

        Raises IdempotencyConflictError when the key was used for another request.
        """
        return await self._writer.do(lambda connection: writes.add_job(connection, job, key))

    async def add_started(
        self,
        job: Job,
        attempt: Attempt,
        entry: LedgerEntry,
        decision: DecisionRecord | None = None,
        key: IdempotencyKey | None = None,
    ) -> Job:
        """Insert a job in progress together with the intent of its first submit, and return it.

        Returns the earlier job that its caller's key already stands for, and then writes nothing at all. Raises
        IdempotencyConflictError when the key was used for another request.
        """
        if key is None:
            await self._writer.do(Start(job, attempt, entry, decision))
            return job
        return await self._writer.do(
            lambda connection: writes.add_started(connection, job, attempt, entry, decision, key)
        )

    async def start_attempt(
        self,
        job_before: Job,
        job_after: Job,
        attempt: Attempt,
        entry: LedgerEntry,
        decision: DecisionRecord | None = None,
    ) -> None:
        """Make the intent to submit, the money pending for it, and why it goes there, durable.

        Raises StaleWriteError when the job is not in `job_before.state`, DeletedJobError when its caller deleted it,
        RefusedWriteError when the attempt exists.
        """
        await self._writer.do(
            lambda connection: writes.start_attempt(connection, job_before, job_after, attempt, entry, decision)
        )

    async def move_attempt(self, before: Attempt, after: Attempt) -> None:
        """Change an attempt whose money stays as it is; raises StaleWriteError when it is not in `before.state`.

        Raises RemoteIdTakenError when another attempt has the upstream job that it is given.
        """
        await self._swapped(after, lambda connection: writes.move_attempt(connection, before, after))

    async def relink_attempt(self, attempt: Attempt) -> None:
        """Replace the link to a delivered video; raises StaleWriteError when the attempt has not succeeded."""
        await self._writer.do(lambda connection: writes.relink_attempt(connection, attempt))

    async def settle(
        self,
        before: Attempt,
        after: Attempt,
        entry: LedgerEntry | None,
        job_before: Job | None,
        job_after: Job | None,
    ) -> None:
        """End an attempt: its outcome, its ledger entry and its job's new state, or none of them.

        `entry` belongs to a succeeded or failed attempt; a late or unknown one has none yet. Raises StaleWriteError
        when the attempt or the job is in another state than `before` says.
        """
        await self._swapped(
            after, lambda connection: writes.settle(connection, before, after, entry, job_before, job_after)
        )

    async def adjust(self, entry: LedgerEntry, expected_microusd: int) -> None:
        """Correct what an attempt cost with an adjusted entry, if all booked for it until now is `expected_microusd`.

        Raises StaleWriteError when it is not, or the attempt's money is open.
        """
        await self._writer.do(lambda connection: writes.adjust(connection, entry, expected_microusd))

    async def adopt(
        self,
        overtaken: tuple[Attempt, Attempt],
        late: tuple[Attempt, Attempt],
        entry: LedgerEntry,
        job: tuple[Job, Job],
    ) -> None:
        """Complete a job with a late attempt while another one is running, or change none of the three.

        Each pair is before and after. Raises StaleWriteError when any of them is in another state than its before says.
        """
        await self._swapped(late[1], lambda connection: writes.adopt(connection, overtaken, late, entry, job))

    async def end_job(self, before: Job, after: Job) -> None:
        """End a job that no attempt ends; raises StaleWriteError when it is not in `before.state`."""
        await self._swapped(after, lambda connection: writes.move_job(connection, before, after))

    async def _swapped(self, after: Attempt | Job, swap: Callable[[sqlite3.Connection], None]) -> None:
        """Change a state; one that is found changed to the very same, after a try that failed, was that try's doing."""
        try:
            await self._writer.do(swap)
        except StoreUnavailableError:
            if len(self._doubted) >= _DOUBTED_MAX:
                self._doubted.clear()
            self._doubted.add(after.id)
            raise
        except StaleWriteError:
            if after.id not in self._doubted:
                raise
            stands = await self._writer.do(lambda connection: reads.stands(connection, after))
            self._doubted.discard(after.id)
            if not stands:
                raise
        else:
            self._doubted.discard(after.id)

    async def delete_job(self, job_id: str, at: float) -> bool:
        """Hide a job from its caller for good; False when there is none to hide. Its attempts and entries stay."""
        return await self._writer.do(lambda connection: writes.hide_job(connection, job_id, at))

    async def prune_idempotency_keys(self, before: float) -> int:
        """Forget the keys of jobs whose deadline was before `before`, some at a time; return how many there were."""
        pruned = 0
        while True:
            some = await self._writer.do(lambda connection: writes.prune_keys(connection, before, _PRUNED_AT_ONCE))
            pruned += some
            if some < _PRUNED_AT_ONCE:
                return pruned

    async def ping(self) -> None:
        """Prove that a write is possible now, by doing one that changes nothing."""
        await self._writer.do(writes.touch)

    async def job(self, job_id: str) -> Job | None:
        """Find a job that is not deleted, with its attempts. Its ImageFiles are empty, as in all that is loaded."""
        return await self._reader.do(lambda connection: reads.visible_job(connection, job_id))

    async def any_job(self, job_id: str) -> Job | None:
        """Find a job, deleted or not, with its attempts."""
        return await self._reader.do(lambda connection: reads.any_job(connection, job_id))

    async def claimed(self, provider: str, remote_ids: Collection[str]) -> frozenset[str]:
        """Return those of a provider's ids that an attempt has already."""
        return await self._reader.do(lambda connection: reads.claimed(connection, provider, remote_ids))

    async def lost_submits(self, attempt: Attempt, until: float) -> dict[str, LostSubmit]:
        """Load the other submits to the same provider that have no answer, by attempt.

        `until` is the last moment of their submit in wall seconds; it bounds the earliest one as well.
        """
        return await self._reader.do(lambda connection: reads.lost_submits(connection, attempt, until))

    async def job_of_key(self, key: IdempotencyKey) -> Job | None:
        """Find the job of a caller's key; raises IdempotencyConflictError when the key was for another request."""
        return await self._reader.do(lambda connection: reads.job_of_key(connection, key))

    async def jobs(self, caller: str, *, limit: int, after: str | None, descending: bool) -> JobPage:
        """List a caller's jobs by creation, beginning behind the job `after`.

        Raises LookupError when the caller never had a job `after`.
        """
        return await self._reader.do(lambda connection: reads.page(connection, caller, limit, after, descending))

    async def open_jobs(self) -> list[Job]:
        """Load all jobs that have not ended, deleted or not, and those with an attempt that is late or unknown."""
        return await self._reader.do(reads.open_jobs)

    async def uncertain_jobs(self) -> list[Job]:
        """Load the jobs with an attempt that is late or unknown."""
        return await self._reader.do(reads.uncertain_jobs)

    async def bookings(self, since: float) -> list[Booking]:
        """Load what the attempts submitted at or after `since` (wall seconds) take of daily budgets.

        But for those whose money is open that `open_jobs` loads.
        """
        return await self._reader.do(lambda connection: reads.bookings(connection, since))

    async def ended_attempts(self, since: float, limit: int) -> tuple[tuple[Attempt, Size], ...]:
        """Load the attempts that left their jobs at or after `since` (wall seconds), with the size of their videos.

        Of more than `limit` the latest; in the order in which they ended.
        """
        return await self._reader.do(lambda connection: reads.ended_attempts(connection, since, limit))

    async def decisions(self, job_id: str) -> tuple[tuple[str, DecisionRecord], ...]:
        """Load why a job's attempts, by their ids and in their order, went where they went.

        Attempts of before decisions were kept have none.
        """
        return await self._reader.do(lambda connection: reads.decisions(connection, job_id))

    async def images(self, job_id: str) -> dict[int, bytes]:
        """Load the bytes of a job's ImageFiles by their place among its images; none once it has ended."""
        return await self._reader.do(lambda connection: reads.images(connection, job_id))

    async def entries(self, job_id: str) -> tuple[LedgerEntry, ...]:
        """Load a job's ledger entries, deleted or not, in the order they were written."""
        return await self._reader.do(lambda connection: reads.entries(connection, job_id))
