"""The composition root: the only place that constructs things and decides in which order they start and stop."""

import asyncio
import gc
import os
import secrets
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final, TextIO

from aiohttp import web

from router.config.settings import Settings
from router.core.budget import Budgets, daily_limits
from router.core.catalog import Catalog
from router.core.clock import Clock
from router.core.health import ProviderHealth
from router.core.job import AttemptState, Job
from router.engine.engine import Engine
from router.engine.parts import Parts
from router.engine.store import Store, TimedLane, owned
from router.engine.transport import AiohttpTransport
from router.http.callers import CallerDirectory
from router.http.door import Door
from router.http.naming import Naming
from router.http.server import admin_app, public_app
from router.observe.board import Board
from router.observe.loop_lag import watch_loop
from router.observe.lines import Level, line
from router.observe.logs import Logs
from router.observe.metrics import Metrics
from router.observe.observer import Observer
from router.observe.spans import Spans
from router.observe.stdlib_logs import configure
from router.observe.tracing import tracer_provider

CLOCK: Final = Clock(time.time, time.monotonic)
# A stop as a whole has ten seconds: submits under way may be answered, then downloads are hung up on, which takes
# aiohttp twice _HANG_UP_S; the rest is for a slow machine.
STOP_GRACE_S: Final = 6.0
_HANG_UP_S: Final = 1.0
# Python's own 700, 10, 10 walk through every live job again and again, which stops all callers for a tenth of a second.
_GC_THRESHOLDS: Final = (50_000, 20, 50)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the router listens and keeps its rows; port 0 takes any free one."""

    host: str
    port: int
    admin_host: str
    admin_port: int
    database: Path


@dataclass(frozen=True, slots=True)
class Running:
    """A router that answers, and the addresses it really has."""

    engine: Engine
    url: str
    admin_url: str
    resumed: tuple[Job, ...] = ()


def observer_for(catalog: Catalog, log: TextIO) -> Observer:
    """Construct metrics, logs and spans as the environment asks for; raises TracingError."""
    return Observer(Metrics(catalog), Logs(log, CLOCK), Spans(tracer_provider(os.environ), CLOCK), Board(CLOCK))


@asynccontextmanager
async def running(settings: Settings, place: Place, observer: Observer) -> AsyncIterator[Running]:
    """Run a router. Leaving the block stops it: no more jobs, submits answered, the rest left to the next start."""
    rng = Random(secrets.randbits(64))  # noqa: S311 - chance for routing and pacing, not for secrets
    providers = settings.catalog.providers
    async with AsyncExitStack() as stack:
        stack.enter_context(owned(place.database))
        store = await Store.open(place.database, timed=lambda lane: TimedLane(lane, CLOCK, observer))
        stack.push_async_callback(store.close)
        transport = AiohttpTransport(settings.accounts, providers, CLOCK, observer)
        await transport.start()
        stack.push_async_callback(transport.close)
        health = {name: ProviderHealth(provider, CLOCK, rng, observer) for name, provider in providers.items()}
        observer.metrics.watch(health)
        limits, routing = settings.limits, settings.routing
        budgets = Budgets(CLOCK, daily_limits(settings.catalog, settings.callers))
        parts = Parts(settings.catalog, health, store, transport, CLOCK, rng, observer, limits, routing, budgets)
        engine = Engine(parts, settings.server, new_id=lambda: f"video_{secrets.token_hex(16)}")
        # Here for a start that fails when jobs run already, and again below, where a stop comes to it first.
        stack.push_async_callback(engine.stop, STOP_GRACE_S)
        stack.callback(asyncio.create_task(watch_loop(CLOCK, observer)).cancel)
        resumed = await engine.start()
        observer.resume(resumed)
        addresses = {name: account.base_url for name, account in settings.accounts.items()}
        door = Door(
            engine,
            settings.server,
            settings.defaults,
            CallerDirectory(settings.callers),
            Naming(settings.catalog, addresses, shown=settings.server.show_providers),
            observer.metrics.observe_request,
            observer.spans.request_span,
        )
        url = await _listen(stack, public_app(door), place.host, place.port)
        admin_url = await _listen(
            stack,
            admin_app(engine, observer.metrics.exposition, viewing=observer.board.overview),
            place.admin_host,
            place.admin_port,
        )
        stack.push_async_callback(engine.stop, STOP_GRACE_S)
        yield Running(engine, url, admin_url, tuple(resumed))


async def _listen(stack: AsyncExitStack, app: web.Application, host: str, port: int) -> str:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_HANG_UP_S)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        raise OSError(
            f"{host} port {port} cannot be listened on: {os.strerror(error.errno or 0)}; choose another"
        ) from error
    address = runner.addresses[0]
    name = f"[{address[0]}]" if ":" in address[0] else address[0]
    return f"http://{name}:{address[1]}"


def run(settings: Settings, place: Place) -> None:
    """Run a router until SIGTERM or SIGINT, on uvloop where it is installed."""
    configure(sys.stdout)
    observer = observer_for(settings.catalog, sys.stdout)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_until_signalled(settings, place, observer))


async def _until_signalled(settings: Settings, place: Place, observer: Observer) -> None:
    """Serve until the first signal; a second one ends the process at once."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def on_signal() -> None:
        if stop.is_set():
            os._exit(1)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    async with running(settings, place, observer) as router:
        gc.freeze()
        gc.set_threshold(*_GC_THRESHOLDS)
        if router.resumed:
            _say("resumed", **_left_over(router.resumed))
        _say("listening", url=router.url, admin_url=router.admin_url, config=str(settings.file))
        await stop.wait()
        _say("stopping")
    observer.spans.close()
    _say("stopped")


def _left_over(jobs: tuple[Job, ...]) -> dict[str, int]:
    """Count what the last stop or crash left to this start: live jobs, and attempts by why their money is open."""
    states = [attempt.state for job in jobs for attempt in job.attempts]
    return {
        "jobs": sum(not job.ended for job in jobs),
        "running": states.count(AttemptState.RUNNING),
        "interrupted_submits": states.count(AttemptState.SUBMITTING),
        "late": states.count(AttemptState.LATE),
        "unknown": states.count(AttemptState.UNKNOWN),
    }


def _say(event: str, **fields: str | int) -> None:
    sys.stdout.write(line(time.time(), Level.INFO, event, fields))
    sys.stdout.flush()


def _loop_factory() -> type[asyncio.AbstractEventLoop] | None:
    try:
        from uvloop import Loop  # noqa: PLC0415 - optional
    except ImportError:
        return None
    return Loop
