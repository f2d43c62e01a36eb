"""An engine on virtual time before upstreams that do as they are told, and that refuse what must never be sent."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from types import MappingProxyType
from typing import Any

from providers.adapter import HttpRequest, HttpResponse
from providers.canonical import (
    Accepted,
    Failure,
    ListedJob,
    ListedPage,
    Reason,
    Running,
    Stage,
    Succeeded,
    Variant,
    VideoRequest,
)
from router.core.budget import BudgetKey, Budgets
from router.core.catalog import Catalog, ChargeRule, Polling, Provider
from router.core.clock import Clock
from router.core.events import Event, Operation
from router.core.health import ProviderHealth
from router.core.job import AttemptState, Job
from router.core.ledger import LedgerEntry, exposure
from router.core.limits import ServerSettings
from router.core.order import Order
from router.core.policy import JobLimits, OnAmbiguous
from router.core.preferences import RoutingPreferences
from router.core.routing_memory import RoutingMemory
from router.core.routing_settings import RoutingSettings
from router.engine.engine import Engine
from router.engine.exchange import ContentError, ContentStream, NoAnswer, NotSent, Outcome
from router.engine.parts import Parts
from router.engine.store import MEMORY, Store
from tests.builders import EPOCH, a_price, a_video, an_offering

PRICES: Mapping[str, int] = {"alpha": 100_000, "beta": 150_000, "gamma": 200_000}
# Traces are kept, so that attempts take notes for theirs.
TRACE_PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
PLAIN_LIMITS = JobLimits()
POLLING = Polling(stall_s=600.0, deadline_s=1800.0, late_s_max=7200.0)


def box(kind: bytes, body: bytes) -> bytes:
    return (8 + len(body)).to_bytes(4) + kind + body


MOOV = box(b"moov", box(b"mvhd", b"\0") + box(b"trak", b"\0"))
MP4 = box(b"ftyp", b"isom\0\0\0\0isom") + MOOV + box(b"mdat", b"\0" * 64)


@dataclass(frozen=True, slots=True)
class Told(HttpResponse):
    """An answer that carries its own reading."""

    reading: Accepted | Running | Succeeded | Failure | ListedPage = field(default_factory=lambda: Running(queued=True))


def told(reading: Accepted | Running | Succeeded | Failure) -> Told:
    return Told(200, {}, b"", reading)


class ScriptedAdapter:
    """A dialect whose answers are readings already."""

    def unsupported(self, video: VideoRequest, model: str) -> str | None:
        return None

    def submit_request(self, video: VideoRequest, model: str) -> HttpRequest:
        return HttpRequest("POST", "/jobs", json={"prompt": video.prompt})

    def read_submit(self, response: HttpResponse) -> Accepted | Failure:
        return response.reading  # type: ignore[attr-defined, no-any-return]

    def poll_request(self, remote_id: str) -> HttpRequest:
        return HttpRequest("GET", f"/jobs/{remote_id}")

    def read_poll(self, response: HttpResponse) -> Running | Succeeded | Failure:
        return response.reading  # type: ignore[attr-defined, no-any-return]

    def content_request(self, remote_id: str, done: Succeeded, variant: Variant = "video") -> HttpRequest | None:
        return HttpRequest("GET", f"/content/{remote_id}")


class ListingAdapter(ScriptedAdapter):
    """A dialect that lists its jobs and can cancel one."""

    def lookup_request(self, cursor: str | None) -> HttpRequest:
        return HttpRequest("GET", "/jobs")

    def read_lookup(self, response: HttpResponse) -> ListedPage | Failure:
        return response.reading  # type: ignore[attr-defined, no-any-return]

    def cancel_request(self, remote_id: str) -> HttpRequest:
        return HttpRequest("DELETE", f"/jobs/{remote_id}")


class LinkingAdapter(ScriptedAdapter):
    """A dialect without a content endpoint: what is done and names no link cannot be fetched."""

    def content_request(self, remote_id: str, done: Succeeded, variant: Variant = "video") -> HttpRequest | None:
        return None if done.url is None else super().content_request(remote_id, done, variant)


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of one submit: `submit` None accepts it; `taken` says whether one without an answer was accepted.

    The job ends `ends_after_s` after the POST, or never; progress moves until then unless it is `stuck` at `progress`,
    and `link` is shown beside its unfinished status. `poll_faults` come before any answer of a poll. For `unlinked_s`
    the job is done and names no link. `broken_fetches` fail first, by our own fault where they are `ours`; after a
    first fetch the job is `taken_back` where that is set.
    """

    submit: Failure | NotSent | NoAnswer | None = None
    taken: bool = False
    answer_after_s: float = 0.5
    ends_after_s: float | None = 60.0
    end: Succeeded | Failure = field(default_factory=Succeeded)
    stuck: bool = False
    progress: int = 50
    poll_faults: tuple[Failure | Succeeded | NotSent | NoAnswer, ...] = ()
    unlinked_s: float = 0.0
    link: str | None = None
    broken_fetches: int = 0
    ours: bool = False
    taken_back: Failure | None = None
    trickles: bool = False
    listed_after_s: float = 0.0


@dataclass(slots=True)
class Taken:
    """A job that a scripted upstream took on."""

    provider: str
    fate: Fate
    at: float
    prompt: str = ""
    fetches: int = 0
    polled_at: list[float] = field(default_factory=list)


class ScriptedTransport:
    """Does to each submit what its provider's next fate says, once the store proves that it may be sent at all."""

    def __init__(self, clock: Clock, limits: JobLimits, fates: Mapping[str, list[Fate]]) -> None:
        self.posts: list[tuple[str, str]] = []
        self.taken: dict[str, Taken] = {}
        self.opened_for_callers: list[bool] = []
        self.cancelled: list[str] = []
        self.checks = True
        self.lists = 0
        self.polls_take_s = 0.0
        self.list_fault: Outcome | None = None
        self.replayed: Outcome | None = None
        self.echoed: Callable[[str], str | None] = lambda prompt: prompt
        self.violations: list[str] = []
        self.store: Store | None = None
        self.answered = asyncio.Event()
        self._clock = clock
        self._limits = limits
        self._fates = {name: list(each) for name, each in fates.items()}

    async def send(
        self, provider: str, operation: Operation, request: HttpRequest, lag_s: float | None = None
    ) -> Outcome:
        if request.path == "/jobs" and request.method == "GET":
            return self._listed(provider)
        if request.method == "DELETE":
            self.cancelled.append(request.path.rpartition("/")[2])
            return told(Running(queued=False))
        if operation is Operation.POLL:
            taken = self.taken.get(request.path.rpartition("/")[2])
            return told(Failure(Stage.POLL, Reason.INVALID)) if taken is None else await self._polled(taken)
        assert request.json is not None
        job_id = request.json["prompt"]
        if self.checks:
            await self._check(provider, job_id)
        self.posts.append((provider, job_id))
        left = self._fates.get(provider)
        fate = left.pop(0) if left else Fate()
        remote_id = f"{provider}-{len(self.posts)}"
        if fate.submit is None or fate.taken:
            self.taken[remote_id] = Taken(provider, fate, self._clock.monotonic(), job_id)
        await asyncio.sleep(fate.answer_after_s)
        self.answered.set()
        if self.replayed is not None:
            return self.replayed
        match fate.submit:
            case None:
                return told(Accepted(remote_id))
            case Failure():
                return told(fate.submit)
            case NotSent() | NoAnswer():
                return fate.submit

    @asynccontextmanager
    async def open(
        self, provider: str, request: HttpRequest, headers: Mapping[str, str], *, for_caller: bool = False
    ) -> AsyncIterator[ContentStream]:
        self.opened_for_callers.append(for_caller)
        job = self.taken[request.path.rpartition("/")[2]]
        job.fetches += 1
        await asyncio.sleep(0.1)
        if job.fetches <= job.fate.broken_fetches:
            raise ContentError("http status 404", ours=job.fate.ours)
        yield ContentStream(200, {}, trickling() if job.fate.trickles else whole())

    def net_microusd(self, provider: str, rule: ChargeRule) -> int:
        """What the provider bills for everything it took on, as things stand now."""
        mine = [job for job in self.taken.values() if job.provider == provider]
        kept = [job for job in mine if not isinstance(self._state(job), Failure) or rule.failed_billed]
        return len(kept) * PRICES[provider]

    def _listed(self, provider: str) -> Outcome:
        """What its provider lists of its jobs: everything once it has been there for `listed_after_s`."""
        self.lists += 1
        if self.list_fault is not None:
            return self.list_fault
        now = self._clock.monotonic()
        shown = [
            ListedJob(remote_id, EPOCH + job.at, "clip-v1", None, None, self.echoed(job.prompt))
            for remote_id, job in self.taken.items()
            if job.provider == provider and now >= job.at + job.fate.listed_after_s
        ]
        return Told(200, {}, b"", ListedPage(tuple(reversed(shown))))

    async def _polled(self, job: Taken) -> Outcome:
        if self.polls_take_s:
            await asyncio.sleep(self.polls_take_s)
        faults = job.fate.poll_faults
        job.polled_at.append(self._clock.monotonic())
        fault = faults[len(job.polled_at) - 1] if len(job.polled_at) <= len(faults) else self._state(job)
        return fault if isinstance(fault, NotSent | NoAnswer) else told(fault)

    def _state(self, job: Taken) -> Running | Succeeded | Failure:
        age_s, ends = self._clock.monotonic() - job.at, job.fate.ends_after_s
        if ends is not None and ends <= age_s < ends + job.fate.unlinked_s:
            return Succeeded()
        if ends is not None and age_s >= ends:
            return job.fate.taken_back if job.fate.taken_back is not None and job.fetches else job.fate.end
        progress = job.fate.progress if job.fate.stuck else int(age_s / 10)
        return Running(queued=False, progress=progress, url=job.fate.link)

    async def _check(self, provider: str, job_id: str) -> None:
        """The rules that no submit may break, read from the store at the moment of the POST."""
        assert self.store is not None
        job, entries = await self.store.job(job_id), await self.store.entries(job_id)
        sent = sum(1 for _, each in self.posts if each == job_id)
        attempts = job.attempts if job else ()
        if not attempts or attempts[-1].state is not AttemptState.SUBMITTING or attempts[-1].provider != provider:
            self.violations.append(f"{job_id}: a submit to {provider} without an intent")
        if sum(entry.kind == "pending" for entry in entries) != len(attempts) or sent >= len(attempts):
            self.violations.append(f"{job_id}: {sent + 1} submits, {len(attempts)} attempts, {len(entries)} entries")
        if job is not None and len(job.asked) > self._limits.attempts_max:
            self.violations.append(f"{job_id}: {len(job.asked)} attempts")
        if exposure(entries).total_microusd > self._limits.spend_microusd_max:
            self.violations.append(f"{job_id}: may cost {exposure(entries).total_microusd}")
        unknown = sum(each.quote_microusd for each in attempts if each.state is AttemptState.UNKNOWN)
        hold = self._limits.on_ambiguous is OnAmbiguous.HOLD
        if unknown > (0 if hold else self._limits.duplicate_microusd_max):
            self.violations.append(f"{job_id}: bought again with {unknown} unknown")


async def whole() -> AsyncIterator[bytes]:
    yield MP4


async def trickling() -> AsyncIterator[bytes]:
    yield MP4[:-64] + box(b"mdat", b"\0" * 1_000_000)[:8]
    while True:
        await asyncio.sleep(20)
        yield b"\0"


@dataclass(slots=True)
class Scene:
    """One engine after the other on the same store and the same upstreams."""

    clock: Clock
    limits: JobLimits
    store: Store
    transport: ScriptedTransport
    catalog: Catalog
    events: list[Event] = field(default_factory=list)
    health: dict[str, ProviderHealth] = field(default_factory=dict)
    engine: Engine = field(init=False)
    accepted: int = 0
    daily_limits: Mapping[BudgetKey, int] = field(default_factory=dict)
    budgets: Budgets = field(init=False)

    async def start(self, *without: str, **changed: Provider) -> None:
        """Start an engine whose configuration lacks some providers, or has others in their place."""
        providers = {**self.catalog.providers, **changed}
        kept = tuple(each for name, each in providers.items() if name not in without)
        offerings = tuple(each for each in self.catalog.offerings if each.provider not in without)
        catalog = Catalog.of(kept, offerings)
        rng = Random(7)
        self.health = {each.name: ProviderHealth(each, self.clock, rng, self.events.append) for each in kept}
        routing = RoutingSettings()
        self.budgets = Budgets(self.clock, self.daily_limits)
        parts = Parts(
            catalog,
            self.health,
            self.store,
            self.transport,
            self.clock,
            rng,
            self.events.append,
            self.limits,
            routing,
            self.budgets,
            RoutingMemory(self.clock, routing, catalog),
        )
        self.engine = Engine(parts, ServerSettings(), new_id=lambda: f"video_{self.accepted}")
        await self.engine.start()

    def use(
        self,
        *without: str,
        prices: Mapping[str, int] = MappingProxyType({}),
        limits: JobLimits | None = None,
        renewed: bool = False,
        **changes: Any,
    ) -> None:
        """Take over a configuration that lacks some providers, prices some anew, and changes all of them."""
        parts = self.engine._parts
        kept = tuple(replace(each, **changes) for name, each in self.catalog.providers.items() if name not in without)
        offerings = tuple(
            an_offering(name, price=a_price(prices.get(name, PRICES[name])))
            for name in self.catalog.providers
            if name not in without
        )
        catalog = Catalog.of(kept, offerings).keeping(parts.catalog)
        for name, each in catalog.providers.items():
            if name not in self.health:
                self.health[name] = ProviderHealth(each, self.clock, parts.rng, parts.emit)
            self.health[name].use(each, retired=name in without, renewed=renewed)
        parts.use(catalog, dict(self.health), limits or parts.limits, parts.routing)
        self.engine.use(ServerSettings())

    async def crash(self) -> None:
        """Drop the engine where it stands, as a process that is killed does."""
        tasks = self.engine._tasks.all
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def accept(self, **preferences: Any) -> Job:
        return await self.order(a_video(prompt=f"video_{self.accepted + 1}"), **preferences)

    async def order(self, video: VideoRequest, **preferences: Any) -> Job:
        """Order a video of any prompt, with the transport's `checks` off: it knows a job by its prompt."""
        self.accepted += 1
        order = Order("tester", video, RoutingPreferences(**preferences), trace_parent=TRACE_PARENT)
        return (await self.engine.accept(order)).job

    async def job(self, job_id: str) -> Job:
        job = await self.engine.job("tester", job_id)
        assert job is not None
        return job

    async def ended(self, job_id: str, limit_s: float = 8000.0) -> Job:
        """Wait until a job is over; it has to be by its deadline and some grace."""
        async with asyncio.timeout(limit_s):
            while not (job := await self.job(job_id)).ended:
                await asyncio.sleep(1.0)
        return job

    async def made(self, **preferences: Any) -> Job:
        return await self.ended((await self.accept(**preferences)).id)

    async def money(self, job_id: str) -> list[str]:
        """A job's ledger, a word per entry: its provider and what it says."""
        return [f"{each.provider} {each.cost_kind or each.kind}" for each in await self.store.entries(job_id)]

    async def books(self) -> dict[str, tuple[int, int]]:
        """Per provider what is posted and what is open."""
        entries: dict[str, list[LedgerEntry]] = {name: [] for name in PRICES}
        for number in range(1, self.accepted + 1):
            for entry in await self.store.entries(f"video_{number}"):
                entries[entry.provider].append(entry)
        sums = {name: exposure(each) for name, each in entries.items()}
        return {name: (each.posted_microusd, each.open_microusd) for name, each in sums.items()}

    def posts(self) -> Counter[str]:
        return Counter(provider for provider, _ in self.transport.posts)


def scripted_provider(name: str, **changes: Any) -> Provider:
    return replace(Provider(name, "scripted", ScriptedAdapter(), polling=POLLING), **changes)


@asynccontextmanager
async def a_scene(
    clock: Clock,
    fates: Mapping[str, list[Fate]] | None = None,
    limits: JobLimits = PLAIN_LIMITS,
    providers: tuple[str, ...] = ("alpha", "beta"),
    path: Path = MEMORY,
    daily_limits: Mapping[BudgetKey, int] = MappingProxyType({}),
    **changes: Any,
) -> AsyncIterator[Scene]:
    """An engine before `providers`, cheapest first; `changes` go to every provider."""
    store = await Store.open(path, inline=True, busy_timeout_s=0.0)
    transport = ScriptedTransport(clock, limits, fates or {})
    transport.store = store
    catalog = Catalog.of(
        tuple(scripted_provider(name, **changes) for name in providers),
        tuple(an_offering(name, price=a_price(PRICES[name])) for name in providers),
    )
    scene = Scene(clock, limits, store, transport, catalog, daily_limits=daily_limits)
    await scene.start()
    # What every start writes is written before anything is asked of it.
    await asyncio.sleep(0)
    try:
        yield scene
        assert transport.violations == []
    finally:
        await scene.engine.stop(0.0)
        await store.close()
