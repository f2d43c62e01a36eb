"""Many jobs at one upstream that lists them, in virtual time: every exchange, and how late each end was seen."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random
from statistics import quantiles
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import unquote

import orjson

from providers import openai
from providers.adapter import HttpRequest, HttpResponse
from providers.canonical import Failure, ListPolling, Reason, Running, Stage, Succeeded
from router.core.budget import Budgets
from router.core.catalog import Catalog, Polling, Provider
from router.core.clock import Clock
from router.core.durations import Durations
from router.core.events import Event, Operation, PollFailed
from router.core.health import ProviderHealth
from router.core.job import Attempt, AttemptState
from router.core.policy import JobLimits
from router.core.routing_memory import RoutingMemory
from router.core.routing_settings import RoutingSettings
from router.engine.attempt_run import poll_once
from router.engine.exchange import NoAnswer, Outcome
from router.engine.parts import Parts
from router.engine.store import MEMORY, Store
from router.engine.watch import Watch
from tests.builders import an_attempt, an_offering

POLLING: Final = Polling(listed=ListPolling.TRUSTED)
LATENCY_S: Final = 0.08


@dataclass(frozen=True, slots=True)
class RemoteJob:
    """A job as its upstream knows it."""

    id: str
    made_at: float
    takes_s: float
    fails: bool = False
    ours: bool = True

    def document(self, now: float) -> dict[str, Any]:
        """The Video object at that moment."""
        done = (now - self.made_at) / self.takes_s
        ended = "failed" if self.fails else "completed"
        status = ended if done >= 1 else "in_progress" if done > 0.1 else "queued"
        failure = {"code": "server_error", "message": "it broke"} if status == "failed" else None
        return {
            "id": self.id,
            "object": "video",
            "model": "sora-2",
            "status": status,
            "progress": 100 if status == "completed" else min(99, int(100 * done)),
            "created_at": int(self.made_at),
            "size": "720x1280",
            "seconds": "8",
            "error": failure,
        }


Page = Callable[[list[dict[str, Any]], float], HttpResponse | NoAnswer | None]


@dataclass(slots=True)
class ListingUpstream:
    """A transport to one upstream of the OpenAI dialect. `late_s` is how old its list is; `page` may spoil each page.

    What `page` returns None for is answered as it should be. `asked` counts exchanges by kind.
    """

    clock: Clock
    late_s: float = 0.0
    page: Page = lambda entries, now: None
    latency_s: float = LATENCY_S
    asked: Counter[str] = field(default_factory=Counter)
    singles: Counter[str] = field(default_factory=Counter)
    limits: list[int] = field(default_factory=list)
    jobs: dict[str, RemoteJob] = field(default_factory=dict)
    _places: dict[str, int] = field(default_factory=dict)
    _order: list[str] = field(default_factory=list)

    def make(self, job: RemoteJob) -> None:
        """Take a job on."""
        self.jobs[job.id] = job
        self._places[job.id] = len(self._order)
        self._order.append(job.id)

    async def send(
        self, provider: str, operation: Operation, request: HttpRequest, lag_s: float | None = None
    ) -> Outcome:
        """Answer a list or a poll after the way there and back."""
        assert operation is Operation.POLL
        await asyncio.sleep(self.latency_s / 2)
        outcome = self._answer(request)
        await asyncio.sleep(self.latency_s / 2)
        return outcome

    def open(self, *_: Any, **__: Any) -> Any:
        """Nobody downloads here."""
        raise LookupError

    def _answer(self, request: HttpRequest) -> Outcome:
        now = self.clock.wall()
        if request.path == openai.PATH:
            self.asked["list"] += 1
            return self._list(request, now)
        name = unquote(request.path.removeprefix(f"{openai.PATH}/"))
        self.asked["single"] += 1
        self.singles[name] += 1
        job = self.jobs.get(name)
        return answered(404, {"error": {"message": "no such job"}}) if job is None else answered(200, job.document(now))

    def _list(self, request: HttpRequest, now: float) -> Outcome:
        limit, after = int(request.query["limit"]), request.query.get("after")
        self.limits.append(limit)
        end = len(self._order) if after is None else self._places[after]
        names = self._order[max(0, end - limit) : end][::-1]
        entries = [self.jobs[name].document(now - self.late_s) for name in names]
        spoiled = self.page(entries, now)
        more = end > limit
        return answered(200, {"object": "list", "data": entries, "has_more": more}) if spoiled is None else spoiled


def answered(status: int, document: Any, **headers: str) -> HttpResponse:
    """An answer in JSON."""
    return HttpResponse(status, headers, orjson.dumps(document))


@dataclass(slots=True)
class World:
    """Parts around one upstream, and all that its jobs' polls came to."""

    parts: Parts
    upstream: ListingUpstream
    events: list[Event]
    readings: dict[str, Succeeded | Failure] = field(default_factory=dict)
    lags_s: list[float] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)
    hinted: dict[str, asyncio.Event] = field(default_factory=dict)
    durations: Durations = field(default_factory=Durations)

    @classmethod
    async def of(cls, clock: Clock, polling: Polling = POLLING) -> "World":
        """Put everything together around an upstream without jobs."""
        upstream, events = ListingUpstream(clock), list[Event]()
        provider = Provider("alpha", "openai", openai, polling=polling)
        catalog = Catalog.of((provider,), (an_offering("alpha"),))
        rng, routing = Random(7), RoutingSettings()
        health = MappingProxyType({"alpha": ProviderHealth(provider, clock, rng, events.append)})
        store = await Store.open(MEMORY, inline=True)
        memory = RoutingMemory(clock, routing, catalog)
        parts = Parts(
            catalog,
            health,
            store,
            upstream,
            clock,
            rng,
            events.append,
            JobLimits(),
            routing,
            Budgets(clock),
            memory,
        )
        world = cls(parts, upstream, events)
        parts.listed.hint = world.hint
        return world

    @property
    def exchanges_per_job(self) -> float:
        """How many exchanges each of our jobs that ended cost its provider."""
        return self.upstream.asked.total() / len(self.readings)

    @property
    def failed_polls(self) -> list[Reason]:
        return [event.reason for event in self.events if isinstance(event, PollFailed)]

    def lag_s(self, percent: int) -> float:
        """How late that share of the ends was seen at most."""
        return quantiles(self.lags_s, n=100, method="inclusive")[percent - 1]

    def hint(self, provider: str, remote_id: str) -> bool:
        """Poll that job now; False when nobody here waits for it."""
        assert provider == "alpha"
        known = self.hinted.get(remote_id)
        if known is not None:
            known.set()
        return known is not None

    def attempt(self, job: RemoteJob, **changes: Any) -> Attempt:
        """Our attempt that is that job upstream."""
        now = self.parts.now()
        plain = an_attempt("alpha/sora-2", remote_id=job.id, state=AttemptState.RUNNING)
        return replace(plain, provider="alpha", id=job.id, submitted_at=now - 0.5, accepted_at=now, **changes)

    async def follow(self, job: RemoteJob, within_s: float = 3600.0) -> None:
        """Poll a job to its end, as often as its watch says."""
        self.upstream.make(job)
        attempt, clock, rng = self.attempt(job), self.parts.clock, self.parts.rng
        watch = Watch(self.parts.provider("alpha").polling, clock.monotonic(), 0.0, self.durations)
        woken = self.hinted[job.id] = asyncio.Event()
        delay_s = watch.first_poll_after_s(rng)
        while clock.wall() < job.made_at + within_s:
            try:
                async with asyncio.timeout(delay_s):
                    await woken.wait()
            except TimeoutError:
                pass
            woken.clear()
            reading = await poll_once(self.parts, attempt, 0.0)
            self.seen[type(reading).__name__] += 1
            if isinstance(reading, Succeeded) or (isinstance(reading, Failure) and reading.stage is not Stage.POLL):
                watch.ended(clock.monotonic())
                self.readings[job.id] = reading
                self.lags_s.append(clock.wall() - job.made_at - job.takes_s)
                break
            assert isinstance(reading, Running | Failure)
            watch.saw(reading, clock.monotonic())
            delay_s = watch.next_poll_after_s(clock.monotonic(), 1.0, rng)
        del self.hinted[job.id]

    async def run(
        self, jobs: int, in_flight: int, takes_s: Callable[[Random], float], fails: float = 0.0, strangers: float = 0.0
    ) -> None:
        """Follow so many jobs, begun at a rate at which about so many are in flight at once."""
        rng = Random(11)
        durations = [takes_s(rng) for _ in range(jobs)]
        every_s = sum(durations) / jobs / in_flight
        async with asyncio.TaskGroup() as group:
            for number, duration_s in enumerate(durations):
                job = RemoteJob(f"video_{number:08x}", self.parts.now(), duration_s, rng.random() < fails)
                group.create_task(self.follow(job))
                if rng.random() < strangers:
                    self.upstream.make(replace(job, id=f"video_other_{number:08x}", ours=False))
                await asyncio.sleep(every_s * rng.uniform(0.5, 1.5))
