"""The composition root: the only place that constructs things and decides in which order they start and stop."""

import asyncio
import gc
import os
import secrets
import signal
import sys
import time
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final, TextIO

from aiohttp import web

from providers.rules import make_patterns
from router.config.loading import load
from router.config.problems import ConfigError, Problem
from router.config.reloading import Reloading
from router.config.settings import Settings
from router.config.watching import Watching
from router.core.budget import Budgets, daily_limits
from router.core.catalog import Catalog, Provider
from router.core.clock import Clock
from router.core.events import Emit, Event
from router.core.health import ProviderHealth
from router.core.job import AttemptState, Job, new_job_id
from router.core.limits import RequestDefaults, ServerSettings
from router.core.policy import JobLimits
from router.core.routing_memory import RoutingMemory
from router.engine.account import Account
from router.engine.engine import Engine
from router.engine.entropy import Entropy
from router.engine.parts import Parts
from router.engine.store import MEMORY, Store, TimedLane, owned
from router.engine.transport import AiohttpTransport
from router.http.callers import CallerDirectory
from router.http.door import Door
from router.http.hooks import Hooks
from router.http.naming import Naming
from router.http.reload import Reload
from router.http.server import admin_app, public_server
from router.observe.board import Board
from router.observe.line_writer import whole
from router.observe.lines import Level, line
from router.observe.logs import Logs
from router.observe.loop_lag import watch_loop
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
# A thread that renders metrics may keep the loop waiting for so long at a time; Python's own 5 ms is felt by callers.
_SWITCH_INTERVAL_S: Final = 0.001
PROVIDERS_KEPT_MAX: Final = 128
"""How many providers may be known at once, those included that were removed since the start."""
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class Place:
    """Where the router listens and keeps its rows; port 0 takes any free one."""

    host: str
    port: int
    admin_host: str
    admin_port: int
    database: Path

    def require_callers(self, settings: Settings) -> None:
        """Raise ConfigError for a configuration with which strangers could buy."""
        if settings.callers or self.host in _LOOPBACK:
            return
        message = (
            f"is empty, so anybody who reaches {self.host} could spend your money; "
            "add a caller with a key, or listen on 127.0.0.1"
        )
        raise ConfigError(str(settings.file), [Problem("callers", None, message)], settings.digest)


@dataclass(frozen=True, slots=True)
class Running:
    """A router that answers, the addresses it really has, and the way to let it read its configuration anew."""

    engine: Engine
    url: str
    admin_url: str
    reload: Reload
    left_over: Mapping[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class _InForce:
    """The rooms that work by a configuration, and the accounts that they were given."""

    transport: AiohttpTransport
    parts: Parts
    engine: Engine
    door: Door
    observer: Observer
    accounts: Mapping[str, Account] = field(repr=False)

    def take(self, settings: Settings) -> None:
        """Put another configuration in force, all of it between two steps of the loop.

        Providers that it does not name any more are kept for what they have under way, and sell nothing. Raises
        ConfigError, before anything has changed, when they have become too many.
        """
        catalog = settings.catalog.keeping(self.parts.catalog)
        if len(catalog.providers) > PROVIDERS_KEPT_MAX:
            message = f"at most {PROVIDERS_KEPT_MAX} are known at once, removed ones included; restart to forget those"
            raise ConfigError(str(settings.file), [Problem("providers", None, message)], settings.digest)
        accounts = {**self.accounts, **settings.accounts}
        health = {name: self._health_of(provider) for name, provider in catalog.providers.items()}
        terms = _terms(settings, catalog, accounts)
        _measure(self.observer, settings, catalog, health)
        for name, provider in catalog.providers.items():
            retired = name not in settings.catalog.providers
            renewed = self._is_renewed(provider, accounts[name])
            health[name].use(provider, retired=retired, renewed=renewed)
            if renewed:
                self.parts.memory.renewed(name)
        self.transport.use(accounts, catalog.providers)
        self.parts.use(catalog, health, settings.limits, settings.routing)
        self.parts.mirror.use(settings.mirror)
        names = [caller.name for caller in settings.callers]
        self.parts.budgets.limit(daily_limits(catalog, settings.callers), names)
        self.engine.use(settings.server)
        self.door.use(*terms)
        self.accounts = accounts
        self.observer.metrics.watch_budgets(self.parts.budgets.each())
        self.observer.metrics.watch_routing(self.parts.memory)

    def _health_of(self, provider: Provider) -> ProviderHealth:
        parts = self.parts
        return parts.health.get(provider.name) or ProviderHealth(provider, parts.clock, parts.rng, parts.emit)

    def _is_renewed(self, provider: Provider, account: Account) -> bool:
        """Whether what was seen of a provider was seen of another account, or of another place."""
        former = self.parts.catalog.providers.get(provider.name)
        if former is None:
            return False
        speaks, spoke = (provider.dialect, provider.profile), (former.dialect, former.profile)
        return (speaks, account) != (spoke, self.accounts[provider.name])


def observer_for(catalog: Catalog, log: TextIO) -> Observer:
    """Construct metrics, logs and spans as the environment asks for; raises TracingError."""
    metrics = Metrics(catalog)
    board = Board(CLOCK, metrics.in_flight)
    return Observer(metrics, Logs(log, CLOCK), Spans(tracer_provider(os.environ), CLOCK), board)


@asynccontextmanager
async def running(settings: Settings, place: Place, observer: Observer, watch_s: float = 0.0) -> AsyncIterator[Running]:
    """Run a router. Leaving the block stops it: no more jobs, submits answered, the rest left to the next start.

    With `watch_s` it looks so often whether its configuration has changed.
    """
    rng = Random(secrets.randbits(64))  # noqa: S311 - chance for routing and pacing, not for secrets
    providers = settings.catalog.providers
    async with AsyncExitStack() as stack:
        stack.enter_context(owned(place.database))
        store = await Store.open(place.database, timed=lambda lane: TimedLane(lane, CLOCK, observer))
        stack.push_async_callback(store.close)
        transport = AiohttpTransport(settings.accounts, providers, CLOCK, observer)
        await transport.start()
        stack.push_async_callback(transport.close)
        parts = _parts(settings, store, transport, rng, observer)
        parts.mirror.use(settings.mirror)
        stack.push_async_callback(parts.mirror.close)
        _measure(observer, settings, settings.catalog, parts.health)
        observer.metrics.watch_budgets(parts.budgets.each())
        entropy = Entropy()
        engine = Engine(parts, settings.server, new_id=lambda: new_job_id(CLOCK.wall(), entropy.take(10)))
        # Here for a start that fails when jobs run already, and again below, where a stop comes to it first.
        stack.push_async_callback(engine.stop, STOP_GRACE_S)
        stack.callback(asyncio.create_task(watch_loop(CLOCK, observer)).cancel)
        resumed = await engine.start()
        observer.resume(resumed)
        # Nobody may hold the jobs as they were then.
        left_over = _left_over(resumed)
        del resumed
        observer.metrics.watch_routing(parts.memory)
        terms = _terms(settings, settings.catalog, settings.accounts)
        door = Door(engine, *terms, observer.metrics.observe_request, observer.spans.request_span)
        in_force = _InForce(transport, parts, engine, door, observer, settings.accounts)
        reloading = Reloading(settings, lambda: _read(settings.file, place), in_force.take, observer, CLOCK)
        stack.push_async_callback(reloading.close)
        admin = admin_app(door, observer.metrics.exposition, reloading.reload, observer.board.overview)
        hooks = Hooks(lambda: parts.catalog, engine.hint, parts.memory.hints.came, CLOCK, observer)
        public = web.ServerRunner(public_server(door, hooks), shutdown_timeout=_HANG_UP_S)
        url = await _listen(stack, public, place.host, place.port)
        operators = web.AppRunner(admin, access_log=None, shutdown_timeout=_HANG_UP_S)
        admin_url = await _listen(stack, operators, place.admin_host, place.admin_port)
        stack.push_async_callback(engine.stop, STOP_GRACE_S)
        reloading.began()
        # Which nobody needs before the first complaint of a provider.
        stack.callback(asyncio.create_task(asyncio.to_thread(make_patterns)).cancel)
        if watch_s:
            watching = Watching(reloading.files, reloading.reload_if_changed)
            stack.callback(asyncio.create_task(watching.run(watch_s)).cancel)
        yield Running(engine, url, admin_url, reloading.reload, left_over)


@asynccontextmanager
async def unconnected(settings: Settings) -> AsyncIterator[Engine]:
    """Build an engine that can be asked for quotes: it has no file, no connection and no experience."""
    rng = Random(secrets.randbits(64))  # noqa: S311 - as above
    transport = AiohttpTransport(settings.accounts, settings.catalog.providers, CLOCK, _unheard)
    store = await Store.open(MEMORY, inline=True)
    try:
        yield Engine(_parts(settings, store, transport, rng, _unheard), settings.server, lambda: "video_0")
    finally:
        await store.close()


def _unheard(_event: Event) -> None:
    """Tell nobody."""


def _parts(settings: Settings, store: Store, transport: AiohttpTransport, rng: Random, emit: Emit) -> Parts:
    catalog, limits, routing = settings.catalog, settings.limits, settings.routing
    health = {name: ProviderHealth(provider, CLOCK, rng, emit) for name, provider in catalog.providers.items()}
    budgets = Budgets(CLOCK, daily_limits(catalog, settings.callers))
    memory = RoutingMemory(CLOCK, routing, catalog)
    return Parts(catalog, health, store, transport, CLOCK, rng, emit, limits, routing, budgets, memory)


def _terms(
    settings: Settings, catalog: Catalog, accounts: Mapping[str, Account]
) -> tuple[ServerSettings, RequestDefaults, CallerDirectory, Naming, JobLimits]:
    """Return what the front door lets callers in by."""
    addresses = {name: account.base_url for name, account in accounts.items()}
    naming = Naming(catalog, addresses, shown=settings.server.show_providers)
    return settings.server, settings.defaults, CallerDirectory(settings.callers), naming, settings.limits


def _measure(observer: Observer, settings: Settings, catalog: Catalog, health: Mapping[str, ProviderHealth]) -> None:
    """Let metrics know everybody whom the configuration names."""
    callers = [caller.name for caller in settings.callers]
    limits = (settings.server.jobs_live_max, settings.limits.deadline_s)
    observer.metrics.use(catalog, settings.reporting, callers, *limits)
    observer.metrics.watch(health)


def _read(file: Path, place: Place) -> Settings:
    settings = load(file, os.environ)
    place.require_callers(settings)
    return settings


async def _listen(stack: AsyncExitStack, runner: web.BaseRunner, host: str, port: int) -> str:
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


def run(settings: Settings, place: Place, watch_s: float) -> None:
    """Run a router until SIGTERM or SIGINT, on uvloop where it is installed."""
    # What a start makes is there to stay: looking through it again and again is half of a start with many jobs.
    gc.disable()
    sys.stdout = whole(sys.stdout)
    configure(sys.stdout)
    observer = observer_for(settings.catalog, sys.stdout)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_until_signalled(settings, place, observer, watch_s))


async def _until_signalled(settings: Settings, place: Place, observer: Observer, watch_s: float) -> None:
    """Serve until the first signal; a second one ends the process at once. SIGHUP reads the configuration anew."""
    stop, hung_up, loop = asyncio.Event(), asyncio.Event(), asyncio.get_running_loop()

    def on_signal() -> None:
        if stop.is_set():
            os._exit(1)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    loop.add_signal_handler(signal.SIGHUP, hung_up.set)
    async with running(settings, place, observer, watch_s) as router:
        gc.freeze()
        gc.set_threshold(*_GC_THRESHOLDS)
        gc.enable()
        sys.setswitchinterval(_SWITCH_INTERVAL_S)
        if router.left_over:
            _say("resumed", **router.left_over)
        _say("listening", url=router.url, admin_url=router.admin_url, config=str(settings.file))
        reloads = asyncio.create_task(_reload_at(hung_up, router.reload))
        await stop.wait()
        reloads.cancel()
        _say("stopping")
    observer.spans.close()
    _say("stopped")


async def _reload_at(hung_up: asyncio.Event, reload: Reload) -> None:
    """Read the configuration anew at every signal; those that come during a reload are one."""
    while True:
        await hung_up.wait()
        hung_up.clear()
        await reload()


def _left_over(jobs: Collection[Job]) -> dict[str, int]:
    """Count what the last stop or crash left to this start: live jobs, and attempts by why their money is open."""
    if not jobs:
        return {}
    states = [attempt.state for job in jobs for attempt in job.attempts]
    return {
        "jobs": sum(not job.ended for job in jobs),
        "running": states.count(AttemptState.RUNNING),
        "interrupted_submits": states.count(AttemptState.SUBMITTING),
        "late": states.count(AttemptState.LATE),
        "unknown": states.count(AttemptState.UNKNOWN),
    }


def _say(event: str, **fields: str | int) -> None:
    # A full disk under the log ends no paid job.
    with suppress(OSError):
        sys.stdout.write(line(time.time(), Level.INFO, event, fields))
        sys.stdout.flush()


def _loop_factory() -> type[asyncio.AbstractEventLoop] | None:
    try:
        from uvloop import Loop  # noqa: PLC0415 - optional
    except ImportError:
        return None
    return Loop
