"""One seed: a world, a shop, callers, and one router after the other until everything has come to rest."""

import asyncio
import sqlite3
from dataclasses import dataclass
from functools import cache
from random import Random

from router.engine.store.file import MEMORY, connect
from tests.simulator.audit import Audit
from tests.simulator.callers import CallerRun, Wish
from tests.simulator.gossip import GossipRun
from tests.simulator.incarnation import Doom, Incarnation
from tests.simulator.lane import StoreTrouble
from tests.simulator.loop import StepLoop
from tests.simulator.operator import OperatorRun
from tests.simulator.shop import Shop
from tests.simulator.transport import Weather
from tests.simulator.world import BrokenInvariantError, World

_PLACES = ("before a commit", "after a commit", "before a submit", "after an accept")
# What a run may take at most before it counts as one that never comes to rest.
_VIRTUAL_S_MAX = 200_000.0
_STEPS_MAX = 2_000_000


@dataclass(frozen=True, slots=True)
class Report:
    """What came of one seed."""

    seed: int
    digest: str
    steps: int
    virtual_s: float
    counts: dict[str, int]
    broken: str | None = None
    trace: tuple[str, ...] = ()


class Simulation:
    """Everything of one seed. The database outlives every router, as a file does."""

    def __init__(self, world: World) -> None:
        self.world = world
        rng = self._rng = world.chance()
        self.connection = a_database()
        self.shop = Shop(world)
        self.weather = Weather(
            submit_share=rng.choice((0.0, 0.1, 0.4, 0.6)),
            poll_share=rng.choice((0.0, 0.05, 0.2, 0.5)),
            content_share=rng.choice((0.0, 0.1, 0.4)),
        )
        self.audit = Audit(self, self.connection)
        self.wishes: dict[str, Wish] = {}
        self.in_the_air: set[str] = set()
        self.life: Incarnation | None = None
        self.over = False
        self.store_troubles = tuple(_trouble(rng) for _ in range(rng.choice((0, 1, 1, 3))))
        self._away: list[tuple[float, float]] = []
        self._dooms = [_doom(rng) for _ in range(rng.choice((0, 1, 3, 5, 8)))]
        self._changes = rng.choice((0, 0, 1, 3))
        self._orders = rng.randint(2, 10)

    async def run(self) -> None:
        """Live through the seed; what breaks is in `world.broken`."""
        self.world.loop.after_step = self._after_step
        driving = asyncio.create_task(self._drive())
        stopped = asyncio.create_task(self.world.stopped.wait())
        await asyncio.wait({driving, stopped}, return_when=asyncio.FIRST_COMPLETED)
        for task in (driving, stopped):
            task.cancel()
        outcome = await asyncio.gather(driving, return_exceptions=True)
        if self.world.broken is None and isinstance(outcome[0], Exception):
            raise outcome[0]

    def was_away(self, since: float, until: float) -> bool:
        """Whether no router was there, or its store was in trouble, at any time between two wall moments."""
        return any(begin < until and end > since for begin, end in self._troubled())

    def due_at(self, deadline_at: float, grace_s: float) -> float:
        """When a job must be over: its deadline and some grace, counted anew after whatever kept the router from it."""
        due_at = deadline_at + grace_s
        for begin, end in self._troubled():
            if begin < due_at and end > deadline_at - grace_s:
                due_at = max(due_at, end + grace_s)
        return due_at

    def _troubled(self) -> list[tuple[float, float]]:
        epoch = self.world.now() - self.world.clock.monotonic()
        store = [(epoch + each.from_s, epoch + each.until_s) for each in self.store_troubles]
        return sorted([*self._away, *store])

    def _after_step(self) -> None:
        if self.life is not None:
            self.life.stepped()
        if self.world.loop.steps > _STEPS_MAX or self.world.clock.monotonic() > _VIRTUAL_S_MAX:
            self.world.break_("it never comes to rest")

    async def _drive(self) -> None:
        callers = [CallerRun(self, caller.name, self._orders) for caller in self.shop.callers]
        self._working = asyncio.gather(*(caller.run() for caller in callers))
        changing = asyncio.create_task(self._reconfigure())
        supervising = asyncio.create_task(self._supervise())
        operator = OperatorRun(self)
        operating = asyncio.create_task(operator.run()) if self._rng.random() < 0.6 else None
        gossiping = asyncio.create_task(GossipRun(self).run())
        await self._working
        changing.cancel()
        if operating is not None:
            operating.cancel()
        gossiping.cancel()
        self.world.calm = True
        await operator.finish()
        await self._come_to_rest()
        assert self.life is not None
        self.audit.at_rest(self.life)
        self.over = True
        supervising.cancel()

    async def _supervise(self) -> None:
        """Start a router, and another one when it has died."""
        number, dooms = 0, list(self._dooms)
        while True:
            number += 1
            doom = dooms.pop(0) if dooms and not self.world.calm else None
            self.life = Incarnation(self, number, doom)
            self.world.say(f"start of router {number}")
            began_at = self.world.now()
            await self.life.run()
            down_s = self._rng.choice((0.0, 0.0, 1.0, 30.0, 600.0)) if not self.world.calm else 0.0
            await asyncio.sleep(down_s)
            self._away.append((began_at if not self.life.served else self.world.now() - down_s, self.world.now()))

    async def _reconfigure(self) -> None:
        rng = self.world.chance()
        for _ in range(self._changes):
            await asyncio.sleep(rng.expovariate(1.0 / 300.0))
            self.world.say(f"the file says: {self.shop.change(rng)}")
            # It is read at some later moment, or at the next start.
            if self.life is not None:
                self.life.reload()

    async def _come_to_rest(self) -> None:
        """Wait, without new faults, until every job is over and all that can become known is."""
        self.shop.all_present()
        self.world.say("calm")
        if self.life is not None:
            self.life.reload()
        rested = False
        while not rested:
            while not self._rests():
                await asyncio.sleep(60.0)
            # Whatever is told a moment after it was written, or found only now, and is waited for then.
            commits = self.world.counts["commits"]
            await asyncio.sleep(60.0)
            rested = self._rests() and self.world.counts["commits"] == commits

    def _rests(self) -> bool:
        if self.life is None or not self.life.open:
            return False
        now = self.world.now()
        for attempt in self.audit.attempts.values():
            polling = self.shop.provider(attempt.provider).polling
            over_at = attempt.submitted_at + polling.deadline_s + polling.late_s_max + 120.0
            if attempt.state in ("submitting", "running") or (attempt.state == "late" and now < over_at):
                return now > attempt.submitted_at + 100_000.0
        longest_s = self.shop.limits.deadline_s + 1000.0
        return all(job.ended_at is not None or now > job.deadline_at + longest_s for job in self.audit.jobs.values())


def _trouble(rng: Random) -> StoreTrouble:
    from_s = rng.uniform(0.0, 1500.0)
    shares = rng.choice(((1.0, 0.0), (0.5, 0.0), (0.3, 0.2), (0.0, 0.3), (0.0, 0.6)))
    return StoreTrouble(from_s, from_s + rng.choice((2.0, 30.0, 200.0, 900.0)), *shares, reads_too=rng.random() < 0.3)


def _doom(rng: Random) -> Doom:
    kind = rng.random()
    if kind < 0.35:
        return Doom("a step", int(10 ** rng.uniform(0.5, 3.2)))
    if kind < 0.75:
        return Doom(rng.choice(_PLACES), rng.choice((1, 1, 1, 2, 3, 5, 10)))
    after_s = rng.uniform(0.0, 900.0)
    if kind < 0.85:
        return Doom("a moment", after_s=after_s)
    return Doom("a stop", after_s=after_s, grace_s=rng.choice((0.0, 5.0, 40.0)))


@cache
def _template() -> sqlite3.Connection:
    """A migrated database; migrating takes longer than a whole seed."""
    return connect(MEMORY, 0.0)


def a_database() -> sqlite3.Connection:
    """An empty database that lives until its connection is closed."""
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    _template().backup(connection)
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def simulate(seed: int, listener: object = None) -> Report:
    """Live through one seed."""
    with asyncio.Runner(loop_factory=StepLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, StepLoop)
        world = World(seed, loop)
        world.trace.listener = listener

        async def main() -> Simulation:
            simulation = Simulation(world)
            try:
                await simulation.run()
            finally:
                loop.after_step = lambda: None
                if simulation.life is not None and simulation.life.alive:
                    simulation.life._die()
                simulation.connection.close()
            return simulation

        simulation = runner.run(main())
        counts = dict(world.counts) | {"jobs": len(simulation.audit.jobs)}
        broken: BrokenInvariantError | None = world.broken
        return Report(
            seed,
            world.trace.digest(),
            loop.steps,
            world.clock.monotonic(),
            counts,
            str(broken) if broken else None,
            tuple(world.trace.lines),
        )
