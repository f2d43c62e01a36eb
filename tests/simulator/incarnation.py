"""One life of the router, from a start to a stop or a crash. What is dead can neither write nor send nor tell."""

import asyncio
from asyncio import CancelledError
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from router.core.budget import Budget, Budgets, daily_limits
from router.core.catalog import Timeouts
from router.core.events import (
    AttemptEnded,
    AttemptStarted,
    Event,
    ExchangeEnded,
    FailedOver,
    JobAccepted,
    JobEnded,
    LedgerAdjusted,
)
from router.core.health import HealthSnapshot, ProviderHealth
from router.core.ledger import LedgerEntry
from router.core.limits import ServerSettings
from router.core.reporting import ReportingSettings
from router.core.routing_memory import RoutingMemory
from router.engine.engine import Engine
from router.engine.parts import Parts
from router.engine.store import Store, StoreUnavailableError
from router.engine.store.lane import commit_together, read_together
from router.engine.store.timed import TimedLane
from router.observe.metrics import Metrics
from tests.simulator.lane import SimulatedLane, StoreTrouble
from tests.simulator.loop import LIFE
from tests.simulator.transport import SimulatedTransport

if TYPE_CHECKING:
    from tests.simulator.audit import Audit
    from tests.simulator.simulation import Simulation

T = TypeVar("T")
JOBS_LIVE_MAX = 200


class LostError(Exception):
    """The router died, or was not there, while a caller was asking."""


@dataclass(frozen=True, slots=True)
class Doom:
    """How a life ends: at the `count`-th time that something is reached, after so many steps, or by a clock."""

    where: str
    count: int = 1
    after_s: float = 0.0
    grace_s: float = 0.0


class Incarnation:
    """Composes the router as app.py does, around simulated lanes and a simulated transport."""

    def __init__(self, simulation: "Simulation", number: int, doom: Doom | None) -> None:
        self.simulation = simulation
        self.world = simulation.world
        self.audit: Audit = simulation.audit
        self.number = number
        self.alive = True
        self.open = False
        self.served = False
        self.over = asyncio.Event()
        self.booked: list[LedgerEntry] = []
        self.first_sequence = self.audit.last_sequence
        self.metrics: Metrics
        self.engine: Engine
        self._doom = doom
        self._left = doom.count if doom else 0
        self._steps_from = self.world.loop.steps
        self._tasks: list[asyncio.Task[Any]] = []
        self._rng = self.world.chance()
        self._context = copy_context()
        self._context.run(LIFE.set, self)

    # Mortality.

    def born(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.append(task)

    def require_alive(self) -> None:
        """Stop whoever runs in a process that is no more; nothing catches this and goes on."""
        if not self.alive:
            raise CancelledError

    def reached(self, where: str) -> bool:
        """Say that the router is at a place where it may crash, and whether it has."""
        if self.alive and self._doom is not None and self._doom.where == where:
            self._left -= 1
            if self._left <= 0:
                self.crash(where)
        return not self.alive

    def stepped(self) -> None:
        """Die between two callbacks, where that is this life's doom."""
        doom = self._doom
        if doom is None or not self.alive or doom.where != "a step":
            return
        if self.world.loop.steps - self._steps_from >= doom.count:
            self.crash(f"step {doom.count} of its life")

    def crash(self, where: str) -> None:
        """End the process here and now: nothing of it does anything any more."""
        self.world.counts["crashes"] += 1
        self.world.say(f"CRASH of router {self.number} at {where}")
        self._die()

    def _die(self) -> None:
        self.alive = self.open = False
        for task in self._tasks:
            task.cancel()
        self._tasks.clear()
        self.over.set()

    def later(self, delay_s: float, do: Callable[[], None]) -> None:
        """Do something in a later step, if this life lasts until then."""
        loop = self.world.loop
        guarded = lambda: do() if self.alive else None  # noqa: E731
        if delay_s <= 0.0:
            loop.call_soon(guarded)
        else:
            loop.call_later(delay_s, guarded)

    def spawn(self, work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        """Run something as part of this process."""
        return self.world.loop.create_task(work, context=self._context.copy())

    async def ask(self, call: Callable[[Engine], Coroutine[Any, Any, T]]) -> T:
        """Ask the engine as the front door does; raises LostError when the process ends meanwhile."""
        if not self.open:
            raise LostError
        task = self.spawn(call(self.engine))
        try:
            return await task
        except CancelledError:
            if _is_cancelled():
                raise
            raise LostError from None

    # The process.

    async def run(self) -> None:
        """Start, serve until this life is over, and stop properly where that is its end."""
        starting = self.spawn(self._start())
        try:
            await starting
        except StoreUnavailableError as error:
            self.world.say(f"router {self.number} cannot start: {error}")
            self._die()
        except CancelledError:
            if _is_cancelled():
                raise
        if not self.alive:
            return
        self.open = self.served = True
        if self._version != self.simulation.shop.version:
            self.reload()
        if self._doom is not None and self._doom.where in ("a moment", "a stop"):
            try:
                async with asyncio.timeout(self._doom.after_s):
                    await self.over.wait()
            except TimeoutError:
                if self._doom.where == "a moment":
                    self.crash("a moment between two others")
                else:
                    await self._stop(self._doom.grace_s)
        await self.over.wait()

    async def _start(self) -> None:
        connection, rng = self.simulation.connection, self.world.chance()
        writer = SimulatedLane(self, connection, commit_together, self.world.chance(), writes=True)
        reader = SimulatedLane(self, connection, read_together, self.world.chance(), writes=False)
        self.store = Store(TimedLane(writer, self.world.clock, self.emit), reader)
        shop = self.simulation.shop
        transport = SimulatedTransport(self, shop.accounts, self.simulation.weather, self.world.chance())
        catalog, self._version = shop.catalog(), shop.version
        self._health = {
            name: ProviderHealth(provider, self.world.clock, rng, self.emit)
            for name, provider in catalog.providers.items()
        }
        self.metrics = Metrics(catalog)
        self.metrics.use(catalog, ReportingSettings())
        self.metrics.watch(self._health)
        budgets = Budgets(self.world.clock, daily_limits(catalog, shop.callers))
        self._parts = Parts(
            catalog,
            self._health,
            self.store,
            transport,
            self.world.clock,
            rng,
            self.emit,
            shop.limits,
            shop.routing,
            budgets,
            RoutingMemory(self.world.clock, shop.routing, catalog),
        )
        ids = self.world.chance()
        self.engine = Engine(
            self._parts, ServerSettings(jobs_live_max=JOBS_LIVE_MAX), new_id=lambda: f"video_{ids.getrandbits(48):012x}"
        )
        self.metrics.resume(await self.engine.start())

    async def hear(self, provider: str, remote_id: str) -> None:
        """Take in what a webhook says, as the front door does."""
        self._parts.memory.hints.came(provider, remote_id)
        heard = self.engine.hint(provider, remote_id)
        self.world.counts["hints" if heard else "hints of unknown jobs"] += 1

    async def _stop(self, grace_s: float) -> None:
        self.world.counts["stops"] += 1
        self.world.say(f"stop of router {self.number} within {grace_s:g} s")
        stopping = self.spawn(self.engine.stop(grace_s))
        await stopping
        await self.store.close()
        self.world.say(f"router {self.number} has stopped")
        self._die()

    def reload(self) -> None:
        """Take over the shop's configuration as it is now, as app.py does."""
        if not self.open:
            return
        parts, shop = self._parts, self.simulation.shop
        configured = shop.catalog()
        catalog = configured.keeping(parts.catalog)
        health = {
            name: self._health.get(name) or ProviderHealth(provider, self.world.clock, parts.rng, self.emit)
            for name, provider in catalog.providers.items()
        }
        self.metrics.use(catalog, ReportingSettings())
        self.metrics.watch(health)
        for name, provider in catalog.providers.items():
            health[name].use(provider, retired=name not in configured.providers)
        self._health = health
        parts.use(catalog, health, shop.limits, shop.routing)
        parts.budgets.limit(daily_limits(configured, shop.callers), [caller.name for caller in shop.callers])
        self.engine.use(ServerSettings(jobs_live_max=JOBS_LIVE_MAX))

    # What its parts ask.

    def emit(self, event: Event) -> None:
        if not self.alive:
            return
        self.metrics.listeners.hear(event)
        match event:
            case ExchangeEnded():
                self.world.say(f"{event.operation} at {event.provider}: {event.result} {event.status or ''}")
            case JobAccepted(job):
                self.world.say(f"event: {job.id} accepted")
            case AttemptStarted(_, attempt):
                self.world.say(f"event: {attempt.id} started")
            case AttemptEnded(_, attempt, entries):
                self.booked.extend(entries)
                money = ", ".join(f"{entry.kind} {entry.amount_microusd}" for entry in entries)
                self.world.say(
                    f"event: {attempt.id} {attempt.state} {attempt.stage or ''} {attempt.reason or ''} {money}"
                )
            case LedgerAdjusted(_, attempt, entry):
                self.booked.append(entry)
                self.world.say(f"event: {attempt.id} adjusted by {entry.amount_microusd}")
            case FailedOver(_, left, to):
                self.world.say(f"event: failed over from {left.id} to {to.id}")
            case JobEnded(job):
                self.world.say(f"event: {job.id} {job.state}")
            case _:
                pass

    def store_trouble(self) -> StoreTrouble | None:
        now_s = self.world.clock.monotonic()
        if self.world.calm:
            return None
        return next((each for each in self.simulation.store_troubles if each.holds(now_s)), None)

    def health(self) -> dict[str, HealthSnapshot]:
        return {name: each.snapshot() for name, each in self._parts.health.items()}

    def budgets(self) -> tuple[Budget, ...]:
        return self._parts.budgets.each()

    def timeouts(self, provider: str) -> Timeouts:
        return self._parts.catalog.providers[provider].timeouts


def _is_cancelled() -> bool:
    """Whether it is the one who waits that was cancelled, and not only what he waits for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
