"""What the front door wants of an engine."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from providers.canonical import Variant, VideoRequest
from router.core.catalog import Catalog
from router.core.decision_record import DecisionRecord
from router.core.draining import Draining
from router.core.job import Attempt, Job
from router.core.ledger import LedgerEntry
from router.core.order import Acceptance, Deletion, JobPage, Order, Readiness
from router.core.preferences import RoutingPreferences
from router.core.resolution import Resolution
from router.engine.exchange import ContentStream


class Engine(Protocol):
    """Drives jobs; the front door only translates for it."""

    @property
    def catalog(self) -> Catalog:
        """Everything that is for sale."""

    async def accept(self, order: Order) -> Acceptance:
        """Make an order durable.

        Raises NoCandidateError, UnavailableError, UnconfirmedError when nobody knows whether it is durable, or
        IdempotencyConflictError when its key belongs to another request.
        """

    def quote(self, video: VideoRequest, preferences: RoutingPreferences, caller: str) -> DecisionRecord:
        """Decide as `accept` would for this caller, and change nothing."""

    async def job(self, caller: str, job_id: str, *, deleted: bool = False) -> Job | None:
        """Find one of this caller's jobs, one that he `deleted` only where asked for."""

    async def jobs(self, caller: str, *, limit: int, after: str | None, descending: bool) -> JobPage:
        """List this caller's jobs by creation, beginning behind the job `after`; LookupError when there is none."""

    async def delete(self, caller: str, job_id: str) -> Deletion | None:
        """Hide a job from its caller for good, and cancel it while it is live; None when there is none."""

    async def decisions(self, job: Job) -> tuple[tuple[str, DecisionRecord], ...]:
        """Return why its attempts, by their ids and in their order, went where they went; UnavailableError."""

    def content(
        self, job: Job, variant: Variant, headers: Mapping[str, str]
    ) -> AbstractAsyncContextManager[ContentStream] | None:
        """Open a completed job's bytes; None when its provider has no such variant.

        Calling and entering may raise ContentError; nothing is sent before it is entered. What is entered is a video or
        a part of one, or status 416.
        """

    async def resolve(self, name: str, resolution: Resolution) -> Attempt:
        """Take an operator's word on an attempt, or the one open attempt of a job; return it as it is now.

        Raises ResolutionError and UnavailableError.
        """

    async def adjust(self, attempt_id: str, to_microusd: int, note: str) -> LedgerEntry:
        """Correct what an attempt cost, which is closed money only; raises AdjustmentError and UnavailableError."""

    def drain(self, provider: str, drained: bool) -> Draining:
        """Let a provider finish what it has and give it nothing more, or give it jobs again; raises DrainError."""

    async def readiness(self) -> Readiness:
        """Say whether jobs are taken now."""
