"""A front door on a real socket, before an engine that keeps its jobs in memory and buys nothing."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass, field
from random import Random
from typing import Any

from aiohttp import ClientSession, web

from providers.canonical import Variant, VideoRequest
from router.core.budget import Budgets
from router.core.catalog import Catalog
from router.core.clock import Clock
from router.core.decision_record import DecisionRecord, record_of
from router.core.draining import DrainError, Draining
from router.core.eligibility import ProviderStanding
from router.core.idempotency import IdempotencyConflictError
from router.core.job import Attempt, AttemptState, Job, JobState
from router.core.ledger import AdjustmentError, LedgerEntry
from router.core.limits import Caller, RequestDefaults, ServerSettings
from router.core.order import (
    Acceptance,
    Deletion,
    JobPage,
    NoCandidateError,
    Order,
    Readiness,
    UnavailableError,
)
from router.core.policy import JobLimits
from router.core.preferences import RoutingPreferences
from router.core.resolution import Resolution, ResolutionError
from router.core.routing import Decision, Situation, decide
from router.core.routing_memory import RoutingMemory
from router.core.routing_settings import RoutingSettings
from router.core.terms import terms_of
from router.engine.exchange import ContentError, ContentStream
from router.http.callers import CallerDirectory
from router.http.door import Door
from router.http.naming import Naming
from router.http.server import public_server
from tests.builders import EPOCH, PORTRAIT, a_catalog, a_job, a_provider, an_attempt, an_offering

LIMITS = JobLimits()
CLOCK = Clock(wall=lambda: EPOCH, monotonic=lambda: EPOCH)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
VIDEO = bytes(range(256)) * 2048


def a_shop() -> Catalog:
    """Two providers of one model, of different lengths; only one of them takes images."""
    ten = an_offering("relay-a", id="relay-a/sora-2", model="sora-2", seconds=(10, 15))
    four = an_offering(
        "relay-b",
        id="relay-b/sora-2",
        model="sora-2",
        seconds=(4, 8),
        image_inputs=frozenset({"url", "file"}),
        images_max=3,
    )
    return a_catalog(ten, four, **{name: a_provider(name) for name in ("relay-a", "relay-b")})


@dataclass
class SeenSpan:
    """A span of a request, and the status it was told."""

    trace_parent: str | None
    name: str = ""
    status: int | None = None
    job_id: str | None = None
    error: BaseException | None = None
    content_bytes: int | None = None
    contents: list["SeenSpan"] = field(default_factory=list)

    def answered(self, status: int) -> None:
        self.status = status

    def about(self, job_id: str) -> None:
        self.job_id = job_id

    @contextmanager
    def content(self, job: Job, variant: str) -> Iterator["SeenSpan"]:
        self.contents.append(SeenSpan(job.trace_parent, variant))
        yield self.contents[-1]

    def sent(self, content_bytes: int) -> None:
        self.content_bytes = content_bytes

    def broke(self, error: BaseException) -> None:
        self.error = error


@dataclass
class Bytes:
    """What a download answers: `cut_after` chunks the stream breaks, and `closed` says that it was let go."""

    body: bytes = VIDEO
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "video/mp4", "x-upstream": "secret"})
    cut_after: int | None = None
    endless: bool = False
    refusal: ContentError | None = None
    closed: bool = False
    asked: dict[str, str] = field(default_factory=dict)
    chunks_read: int = 0

    @asynccontextmanager
    async def open(self, headers: Mapping[str, str]) -> AsyncIterator[ContentStream]:
        self.asked = {name.lower(): value for name, value in headers.items()}
        if self.refusal is not None:
            raise self.refusal
        try:
            yield self._stream()
        finally:
            self.closed = True

    def _stream(self) -> ContentStream:
        status, body, headers = self.status, self.body, dict(self.headers)
        if "range" in self.asked:
            first, _, last = self.asked["range"].removeprefix("bytes=").partition("-")
            start, end = int(first), min(int(last or len(body)), len(body) - 1)
            headers["content-range"] = f"bytes {start}-{end}/{len(body)}" if start <= end else f"bytes */{len(body)}"
            status, body = (206, body[start : end + 1]) if start <= end else (416, b"")
        if not self.endless:
            headers["content-length"] = str(len(body))
        return ContentStream(status, headers, self._chunks(body))

    async def _chunks(self, body: bytes) -> AsyncIterator[bytes]:
        start = 0
        while start < len(body) or self.endless:
            if self.chunks_read == self.cut_after:
                raise ContentError("cut")
            self.chunks_read += 1
            yield body[start : start + 65_536] if not self.endless else bytes(65_536)
            start += 65_536


@dataclass
class MemoryEngine:
    """Satisfies the Engine protocol; the fields are what a test sets or looks at."""

    catalog: Catalog = field(default_factory=a_shop)
    standings: dict[str, ProviderStanding] = field(default_factory=dict)
    orders: list[Order] = field(default_factory=list)
    stored: dict[str, Job] = field(default_factory=dict)
    keys: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    source: Bytes | None = field(default_factory=Bytes)
    refusal: Exception | None = None
    lookups_left: int | None = None
    budgets: Budgets = field(default_factory=lambda: Budgets(CLOCK))
    routing: RoutingSettings = field(default_factory=RoutingSettings)
    decided: dict[str, tuple[tuple[str, DecisionRecord], ...]] = field(default_factory=dict)

    async def accept(self, order: Order) -> Acceptance:
        if self.refusal is not None:
            self.orders.append(order)
            raise self.refusal
        if order.key is not None and (known := self.keys.get((order.key.caller, order.key.key))):
            if known[0] != order.key.fingerprint:
                raise IdempotencyConflictError(self.stored[known[1]])
            return Acceptance(self.stored[known[1]], replayed=True)
        decision = self._decide(order.video, order.preferences, order.caller)
        if decision.first is None:
            raise NoCandidateError(decision)
        self.orders.append(order)
        job = self.add(order.caller, video=order.video, metadata=order.metadata, trace_parent=order.trace_parent)
        if order.key is not None:
            self.keys[order.key.caller, order.key.key] = (order.key.fingerprint, job.id)
        return Acceptance(job)

    def quote(self, video: VideoRequest, preferences: RoutingPreferences, caller: str) -> DecisionRecord:
        return record_of(self._decide(video, preferences, caller), video, EPOCH)

    def _decide(self, video: VideoRequest, preferences: RoutingPreferences, caller: str) -> Decision:
        standings = {name: self.standings.get(name, ProviderStanding()) for name in self.catalog.providers}
        spend_left = terms_of(LIMITS, preferences).spend_microusd_max
        left = self.budgets.left(caller)
        records = RoutingMemory(CLOCK, self.routing, self.catalog).records
        situation = Situation(
            standings, records, EPOCH, preferences, self.routing, spend_left_microusd=spend_left, left=left
        )
        return decide(video, self.catalog, situation, Random(1))

    async def job(self, caller: str, job_id: str, *, deleted: bool = False) -> Job | None:
        if isinstance(self.refusal, UnavailableError):
            raise self.refusal
        job = self.stored.get(job_id)
        if job is None or job.caller != caller:
            return None
        if self.lookups_left is not None and not job.ended:
            self.lookups_left -= 1
            if self.lookups_left <= 0:
                return self.complete(job_id)
        return job

    async def jobs(self, caller: str, *, limit: int, after: str | None, descending: bool) -> JobPage:
        own = [job for job in self.stored.values() if job.caller == caller]
        ordered = own[::-1] if descending else own
        start = 0
        if after is not None:
            ids = [job.id for job in ordered]
            if after not in ids:
                raise LookupError(after)
            start = ids.index(after) + 1
        return JobPage(tuple(ordered[start : start + limit]), len(ordered) > start + limit)

    async def delete(self, caller: str, job_id: str) -> Deletion | None:
        job = await self.job(caller, job_id)
        if job is None:
            return None
        del self.stored[job_id]
        return Deletion(job, cancelled=not job.ended, may_be_charged=job.at_work is not None)

    async def decisions(self, job: Job) -> tuple[tuple[str, DecisionRecord], ...]:
        return self.decided.get(job.id, ())

    def content(
        self, job: Job, variant: Variant, headers: Mapping[str, str]
    ) -> AbstractAsyncContextManager[ContentStream] | None:
        if self.source is None:
            raise ContentError("gone")
        return self.source.open(headers) if variant == "video" else None

    async def resolve(self, name: str, resolution: Resolution) -> Attempt:
        raise ResolutionError(f"there is no job or attempt {name!r}", "attempt_not_found")

    async def adjust(self, attempt_id: str, to_microusd: int, note: str) -> LedgerEntry:
        raise AdjustmentError(f"there is no attempt {attempt_id!r}", "attempt_not_found")

    def drain(self, provider: str, drained: bool) -> Draining:
        raise DrainError(f"there is no provider {provider!r}", "provider_not_found")

    async def readiness(self) -> Readiness:
        return Readiness(self.refusal is None, {"live_jobs": len(self.stored)})

    def add(self, caller: str = "anonymous", **changes: Any) -> Job:
        job = a_job(id=f"video_{len(self.stored):04d}", caller=caller, **changes)
        self.stored[job.id] = job
        return job

    def complete(self, job_id: str) -> Job:
        job = self.stored[job_id]
        attempt = an_attempt(
            job_id=job_id,
            state=AttemptState.SUCCEEDED,
            seconds=job.video.seconds,
            offering_id=self.catalog.offerings[0].id,
            provider=self.catalog.offerings[0].provider,
            content_type="video/mp4",
            content_bytes=len(VIDEO),
        )
        ended = job.moved(JobState.IN_PROGRESS).with_attempt(attempt).moved(JobState.COMPLETED, ended_at=EPOCH + 90.9)
        self.stored[job_id] = ended
        return ended

    def completed(self, caller: str = "anonymous", **changes: Any) -> Job:
        return self.complete(self.add(caller, **changes).id)


@dataclass
class Opened:
    """A door that is open, and what was told about its requests."""

    url: str
    engine: MemoryEngine
    session: ClientSession
    seen: list[tuple[str, str, int]] = field(default_factory=list)
    spans: list[SeenSpan] = field(default_factory=list)


def a_door(
    engine: MemoryEngine,
    callers: tuple[Caller, ...] = (),
    naming: Naming | None = None,
    limits: JobLimits = LIMITS,
    **settings: int,
) -> Door:
    """What is behind a front door; nobody watches it."""
    return Door(
        engine=engine,
        settings=ServerSettings(**settings),
        defaults=RequestDefaults("sora-2", 8, PORTRAIT),
        callers=CallerDirectory(callers),
        naming=naming or Naming(engine.catalog),
        limits=limits,
        observe_request=lambda *_: None,
        request_span=lambda *_: nullcontext(SeenSpan(None)),
    )


@asynccontextmanager
async def an_open_door(
    engine: MemoryEngine | None = None,
    callers: tuple[Caller, ...] = (),
    trace_parent: str | None = None,
    host: str = "127.0.0.1",
    naming: Naming | None = None,
    limits: JobLimits = LIMITS,
    **settings: int,
) -> AsyncIterator[Opened]:
    """Serve `engine` on a free port of this machine until the block is left."""
    async with ClientSession() as session:
        opened = Opened("", engine or MemoryEngine(), session)

        @contextmanager
        def span(name: str, headers: Mapping[str, str]) -> Iterator[SeenSpan]:
            opened.spans.append(SeenSpan(trace_parent, name))
            yield opened.spans[-1]

        door = a_door(opened.engine, callers, naming, limits, **settings)
        door.observe_request = lambda route, method, status, *_: opened.seen.append((route, method, status))
        door.request_span = span
        runner = web.ServerRunner(public_server(door), shutdown_timeout=0.5)
        await runner.setup()
        await web.TCPSite(runner, host, 0).start()
        opened.url = f"http://{host}:{runner.addresses[0][1]}"
        try:
            yield opened
        finally:
            await runner.cleanup()
