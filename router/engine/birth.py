"""A job on its way into the store: with its first attempt in one commit where one can begin at once."""

import asyncio
from dataclasses import dataclass, field, replace

from providers.canonical import VideoRequest
from router.core.decision_record import DecisionRecord
from router.core.idempotency import IdempotencyKey
from router.core.job import Attempt, Job
from router.core.ledger import LedgerEntry
from router.engine.store import Store


@dataclass(slots=True)
class Birth:
    """`video` is what was ordered, with the bytes of its images; whoever ordered it waits for `stored`.

    That is the job itself, or the earlier one that its caller's key already stands for, or why nobody knows.
    """

    video: VideoRequest = field(repr=False)
    key: IdempotencyKey | None
    stored: asyncio.Future[Job]

    async def alone(self, store: Store, job: Job) -> Job:
        """Make the job durable as it is; raises as the store does."""
        return await store.add_job(self._with_bytes(job), self.key)

    async def with_attempt(
        self, store: Store, job: Job, attempt: Attempt, entry: LedgerEntry, why: DecisionRecord
    ) -> Job:
        """Make the job durable together with the intent to submit it; raises as the store does."""
        return await store.add_started(self._with_bytes(job), attempt, entry, why, self.key)

    def _with_bytes(self, job: Job) -> Job:
        return job if job.video is self.video else replace(job, video=self.video)

    def tell(self, stored: Job) -> None:
        """Let whoever ordered it know what is in the store; he may have gone."""
        if not self.stored.done():
            self.stored.set_result(stored)

    def fail(self, error: Exception) -> bool:
        """Let him know that nothing can be said of it; False when he knows already what is stored."""
        if self.stored.done():
            return False
        self.stored.set_exception(error)
        return True
