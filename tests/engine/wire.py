"""An engine with the real transport, before an upstream on a real socket whose every answer a test decides."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

from aiohttp import web

from providers import openai
from providers.adapter import Adapter, HttpRequest, HttpResponse
from providers.canonical import Failure, Running, Succeeded, Variant
from router.core.budget import Budgets
from router.core.catalog import Catalog, Polling, Provider, Timeouts
from router.core.clock import Clock
from router.core.events import Event
from router.core.health import ProviderHealth
from router.core.job import Job
from router.core.limits import ServerSettings
from router.core.order import Order
from router.core.policy import JobLimits
from router.core.preferences import RoutingPreferences
from router.core.routing_memory import RoutingMemory
from router.core.routing_settings import RoutingSettings
from router.core.secret import Secret
from router.engine.account import Account
from router.engine.engine import Engine
from router.engine.mirror import Mirror
from router.engine.parts import Parts
from router.engine.store import MEMORY, Store
from router.engine.transport import AiohttpTransport
from tests.builders import PlainAdapter, a_video, an_offering
from tests.engine.scripted import MOOV, box

KEY = "sk-canary-of-the-key"
VIDEO = box(b"ftyp", b"isom\0\0\0\0isom") + MOOV + box(b"mdat", bytes(range(256)) * 4096)
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
QUICK = Polling(
    first_after_s=0.01,
    interval_s_min=0.01,
    interval_s_max=0.02,
    polls_per_s_max=1000.0,
    deadline_s=20.0,
    download_s_max=0.5,
    late_interval_s=5.0,
)


class LinkAdapter(PlainAdapter):
    """A relay's dialect: a job names its link when it is done, and when that dies."""

    def read_poll(self, response: HttpResponse) -> Running | Succeeded | Failure:
        told = response.document()
        return Succeeded(told.get("url"), expires_at=told.get("expires_at")) if told["done"] else Running(queued=False)

    def content_request(self, remote_id: str, done: Succeeded, variant: Variant = "video") -> HttpRequest | None:
        return HttpRequest("GET", done.url) if variant == "video" and done.url is not None else None


@dataclass
class Upstream:
    """`polls` are answered one after the other, the last one for ever; `files` lie under /files/NAME and /content."""

    url: str = ""
    polls: list[Answer] = field(default_factory=list)
    files: dict[str, Answer] = field(default_factory=dict)
    polled_at: list[float] = field(default_factory=list)
    fetched: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)

    def link(self, name: str) -> str:
        return f"{self.url}/files/{name}"

    def names(self, *links: str | None, **more: Any) -> None:
        """Be done from now on, each poll with the next of these links."""
        done = [json(200, {"id": "job_1", "status": "completed", "done": True, "url": link, **more}) for link in links]
        self.polls, self.polled_at = done, []

    async def create(self, request: web.Request) -> web.StreamResponse:
        await request.read()
        return web.json_response({"id": "job_1"})

    async def poll(self, request: web.Request) -> web.StreamResponse:
        self.polled_at.append(time.monotonic())
        return await self.polls[min(len(self.polled_at), len(self.polls)) - 1](request)

    async def fetch(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info.get("name", "content")
        self.fetched.append((name, dict(request.headers)))
        return await self.files[name](request)


def plain(status: int, body: bytes, **headers: str) -> Answer:
    async def answer(_: web.Request) -> web.StreamResponse:
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(status=status, body=body, headers=told)

    return answer


def json(status: int, document: object, **headers: str) -> Answer:
    async def answer(_: web.Request) -> web.StreamResponse:
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.json_response(document, status=status, headers=told)

    return answer


async def a_video_file(request: web.Request) -> web.StreamResponse:
    """The whole video, or the part of it that was asked for."""
    asked = request.http_range
    if asked.start is None and asked.stop is None:
        return web.Response(body=VIDEO, content_type="video/mp4")
    start, stop, _ = asked.indices(len(VIDEO))
    told = {"Content-Range": f"bytes {start}-{stop - 1}/{len(VIDEO)}"}
    return web.Response(status=206, body=VIDEO[start:stop], headers=told, content_type="video/mp4")


async def reset(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def silent(_: web.Request) -> web.StreamResponse:
    await asyncio.sleep(30)
    return web.Response()


def ending_early(content_length: int | None) -> Answer:
    """Most of a video, and then an end that looks like any other where the length was not told."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "video/mp4"})
        response.content_length = content_length
        if content_length is None:
            response.enable_chunked_encoding()
        await response.prepare(request)
        await response.write(VIDEO[:-1000])
        if content_length is None or content_length < len(VIDEO):
            await response.write_eof()
        elif request.transport is not None:
            request.transport.close()
        return response

    return answer


@dataclass
class Wired:
    """A running engine, its upstream, and a clock that a test may put forward."""

    engine: Engine
    upstream: Upstream
    store: Store
    events: list[Event]
    skipped_s: list[float]
    mirror: Mirror

    async def made(self, limit_s: float = 15.0) -> Job:
        """Order a video and wait for its end."""
        job = (await self.engine.accept(Order("anonymous", a_video(), RoutingPreferences()))).job
        async with asyncio.timeout(limit_s):
            while not (job := await self.job(job.id)).ended:
                await asyncio.sleep(0.005)
        return job

    async def job(self, job_id: str) -> Job:
        job = await self.engine.job("anonymous", job_id)
        assert job is not None
        return job

    async def download(self, job_id: str, **headers: str) -> tuple[int, bytes]:
        """Fetch as a caller does; raises ContentError."""
        opening = self.engine.content(await self.job(job_id), "video", headers)
        assert opening is not None
        async with opening as stream:
            return stream.status, b"".join([chunk async for chunk in stream.chunks])

    def skip(self, seconds: float) -> None:
        self.skipped_s.append(seconds)


@asynccontextmanager
async def wired(
    adapter: Adapter | None = None, *, polling: Polling = QUICK, exempt: bool = True, max_attempts: int = 1
) -> AsyncIterator[Wired]:
    """Serve an upstream and start an engine before it; `exempt` lets links lead to this machine."""
    upstream, skipped_s, events = Upstream(), [0.0], list[Event]()
    app = web.Application()
    app.router.add_post("/jobs", upstream.create)
    app.router.add_post("/v1/videos", upstream.create)
    app.router.add_get("/files/{name}", upstream.fetch)
    for path in ("/jobs/job_1", "/v1/videos/job_1"):
        app.router.add_get(path, upstream.poll)
        app.router.add_get(f"{path}/content", upstream.fetch)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host = f"127.0.0.1:{runner.addresses[0][1]}"
    upstream.url = f"http://{host}"
    clock = Clock(lambda: time.time() + sum(skipped_s), lambda: time.monotonic() + sum(skipped_s))
    hosts = frozenset({host}) if exempt else frozenset[str]()
    provider = Provider(
        "alpha",
        "any",
        adapter or LinkAdapter(),
        polling=polling,
        asset_hosts=hosts,
        timeouts=Timeouts(1.0, 1.0, 0.3, 0.5),
    )
    catalog = Catalog.of((provider,), (an_offering("alpha"),))
    account = Account(upstream.url, Secret(KEY), "Authorization", "Bearer ", {})
    store = await Store.open(MEMORY, inline=True)
    async with AiohttpTransport({"alpha": account}, catalog.providers, clock, events.append) as transport:
        health = {"alpha": ProviderHealth(provider, clock, Random(7), events.append)}
        limits = JobLimits(attempts_max=max_attempts)
        parts = Parts(
            catalog,
            health,
            store,
            transport,
            clock,
            Random(7),
            events.append,
            limits,
            RoutingSettings(),
            Budgets(clock),
            RoutingMemory(clock, RoutingSettings(), catalog),
        )
        engine = Engine(parts, ServerSettings(), new_id=lambda: "video_1")
        await engine.start()
        try:
            yield Wired(engine, upstream, store, events, skipped_s, parts.mirror)
        finally:
            await engine.stop(0.0)
            await store.close()
            await runner.cleanup()


OPENAI: Adapter = openai
