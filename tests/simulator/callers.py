"""Callers: they create, retry what was lost, look, fetch and delete, and remember everything that they were told."""

import asyncio
from dataclasses import dataclass, field, replace
from random import Random
from typing import TYPE_CHECKING

from providers.canonical import VideoRequest
from router.core.idempotency import IdempotencyConflictError, IdempotencyKey
from router.core.job import Job, JobState
from router.core.order import Acceptance, NoCandidateError, Order, UnavailableError
from router.core.policy import OnAmbiguous
from router.core.preferences import RoutingPreferences
from router.engine.exchange import ContentError
from tests.simulator.incarnation import LostError
from tests.simulator.shop import MODEL, SECONDS, SIZES
from tests.simulator.transport import video_bytes

if TYPE_CHECKING:
    from tests.simulator.simulation import Simulation

_TRIES = 40


@dataclass(slots=True)
class Wish:
    """One video that a caller wants: with a key he may ask for it as often as he likes."""

    tag: str
    caller: str
    key: IdempotencyKey | None
    order: Order
    preferences: RoutingPreferences
    ids: set[str] = field(default_factory=set)
    deleted: bool = False
    acknowledged_deletion: bool = False
    ended_as: JobState | None = None


class CallerRun:
    """One caller's orders, one after the other, each with its own follow-up."""

    def __init__(self, simulation: "Simulation", name: str, orders: int) -> None:
        self._simulation = simulation
        self._world = simulation.world
        self._name = name
        self._orders = orders
        self._rng: Random = simulation.world.chance()
        self._pause_s = self._rng.choice((0.1, 5.0, 60.0, 240.0))
        self._followed: list[asyncio.Task[None]] = []

    async def run(self) -> None:
        for number in range(self._orders):
            await asyncio.sleep(self._rng.expovariate(1.0 / self._pause_s))
            wish = self._wish(number)
            self._followed.append(asyncio.create_task(self._follow(wish, self._world.chance())))
        await asyncio.gather(*self._followed)

    def _wish(self, number: int) -> Wish:
        rng, tag = self._rng, f"{self._name}/{number}"
        key = IdempotencyKey(self._name, f"key-{number}", f"{number:064x}") if rng.random() < 0.7 else None
        preferences = self._preferences(rng)
        video = VideoRequest(f"a harbour at dawn, take {tag}", MODEL, rng.choice(SECONDS), rng.choice(SIZES))
        order = Order(self._name, video, preferences, key=key)
        wish = self._simulation.wishes[tag] = Wish(tag, self._name, key, order, preferences)
        return wish

    def _preferences(self, rng: Random) -> RoutingPreferences:
        if rng.random() < 0.7:
            return RoutingPreferences()
        failover = self._simulation.shop.limits.duplicate_microusd_max > 0
        words = (None, OnAmbiguous.HOLD, OnAmbiguous.FAILOVER) if failover else (None, OnAmbiguous.HOLD)
        return RoutingPreferences(
            spend_microusd_max=rng.choice((None, None, 300_000)),
            attempts_max=rng.choice((None, None, 1, 2)),
            deadline_s=rng.choice((None, None, 300.0, 900.0)),
            on_ambiguous=rng.choice(words),
            duplicate_microusd_max=rng.choice((None, None, 100_000)),
        )

    async def _follow(self, wish: Wish, rng: Random) -> None:
        job = await self._created(wish, rng)
        if wish.key is not None and rng.random() < 0.2:
            again = await self._created(wish, rng)
            job = again or job
        if job is None:
            return
        if wish.key is not None and rng.random() < 0.1:
            await self._ask_for_another(wish, wish.key)
        await self._watch(wish, job.id, rng)

    async def _ask_for_another(self, wish: Wish, key: IdempotencyKey) -> None:
        """Use a key for another request by mistake: that is refused, and neither makes a job nor gives the first."""
        life = self._simulation.life
        video = replace(wish.order.video, prompt=f"{wish.order.video.prompt}-other")
        other = replace(wish.order, video=video, key=replace(key, fingerprint="f" * 64))
        if life is None:
            return
        try:
            await life.ask(lambda engine: engine.accept(other))
        except (IdempotencyConflictError, LostError, UnavailableError):
            return
        self._world.break_(f"the key of {wish.tag} was taken for another request")

    async def _created(self, wish: Wish, rng: Random) -> Job | None:
        """Ask until there is an answer; what he was told he relies on. Without a key he asks once only."""
        for _ in range(_TRIES):
            try:
                acceptances = await self._ask_to_create(wish, rng)
            except (LostError, UnavailableError) as error:
                if wish.key is None:
                    return None
                wait_s = error.retry_after_s if isinstance(error, UnavailableError) else 0.0
                await asyncio.sleep(wait_s + rng.uniform(0.0, 20.0))
                continue
            except (NoCandidateError, IdempotencyConflictError) as error:
                self._world.claim(not wish.ids, f"{wish.tag}: {wish.ids} was acknowledged, now {type(error).__name__}")
                return None
            if wish.key is not None and rng.random() < 0.15:
                self._world.say(f"{wish.tag}: the answer to its create is lost")
                continue
            for acceptance in acceptances:
                self._acknowledged(wish, acceptance.job)
            return acceptances[0].job
        return None

    async def _ask_to_create(self, wish: Wish, rng: Random) -> list[Acceptance]:
        life = self._simulation.life
        if life is None:
            raise LostError
        at_once = 2 if wish.key is not None and rng.random() < 0.15 else 1
        calls = [life.ask(lambda engine: engine.accept(wish.order)) for _ in range(at_once)]
        answers = await asyncio.gather(*calls, return_exceptions=True)
        accepted = [each for each in answers if isinstance(each, Acceptance)]
        if accepted:
            return accepted
        raise answers[0] if isinstance(answers[0], Exception) else LostError

    def _acknowledged(self, wish: Wish, job: Job) -> None:
        wish.ids.add(job.id)
        self._world.claim(len(wish.ids) == 1, f"one key of {wish.tag} stands for {sorted(wish.ids)}")
        known = self._simulation.audit.jobs
        self._world.claim(job.id in known, f"{job.id} was acknowledged and is not durable")

    async def _watch(self, wish: Wish, job_id: str, rng: Random) -> None:
        while not self._simulation.over:
            await asyncio.sleep(rng.uniform(20.0, 90.0))
            job = await self._look(wish, job_id)
            if job is None:
                continue
            if job.ended:
                return await self._use(wish, job, rng)
            if rng.random() < 0.02:
                return await self._delete(wish, job_id)
        return None

    async def _look(self, wish: Wish, job_id: str) -> Job | None:
        life = self._simulation.life
        if life is None:
            return None
        try:
            job = await life.ask(lambda engine: engine.job(self._name, job_id))
        except (LostError, UnavailableError):
            return None
        self._world.claim(job is not None or wish.deleted, f"{job_id} was acknowledged and is not found any more")
        if job is not None:
            same = wish.ended_as in (None, job.state)
            self._world.claim(same, f"{job_id} had ended as {wish.ended_as} and is now {job.state}")
            wish.ended_as = job.state if job.ended else None
        return job

    async def _use(self, wish: Wish, job: Job, rng: Random) -> None:
        """Fetch the video, perhaps hours later; look again; perhaps delete."""
        self._world.counts[str(job.state)] += 1
        if job.state is JobState.COMPLETED and rng.random() < 0.8:
            await asyncio.sleep(rng.choice((0.0, 0.0, 4000.0)))
            await self._read(job)
        if rng.random() < 0.3:
            await asyncio.sleep(rng.uniform(0.0, 300.0))
            await self._look(wish, job.id)
        if rng.random() < 0.2:
            await self._delete(wish, job.id)

    async def _read(self, job: Job) -> None:
        """A video that is read is one that was bought for this very job."""
        life = self._simulation.life
        if life is None:
            return
        try:
            body = await life.ask(lambda engine: _content(engine, job))
        except (LostError, ContentError, UnavailableError):
            return
        self._world.counts["videos"] += 1
        audit = self._simulation.audit
        mine = [audit.bought[each.id] for each in audit.attempts_of(job.id) if each.id in audit.bought]
        whose = [purchase.id for purchase in mine if video_bytes(purchase.id) == body]
        self._world.claim(bool(whose), f"{job.id} gives a video that was not bought for it")
        self._world.say(f"{job.id} gives its video")

    async def _delete(self, wish: Wish, job_id: str) -> None:
        life = self._simulation.life
        if life is None:
            return
        # Deleted from the moment on at which he asks for it: whether it worked he may never be told.
        wish.deleted = True
        try:
            deletion = await life.ask(lambda engine: engine.delete(self._name, job_id))
        except (LostError, UnavailableError):
            return
        wish.acknowledged_deletion = True
        self._world.counts["deletions"] += 1
        self._world.say(f"{job_id} is deleted" + (", and was cancelled" if deletion and deletion.cancelled else ""))


async def _content(engine: "object", job: Job) -> bytes:
    opened = engine.content(job, "video", {})  # type: ignore[attr-defined]
    if opened is None:
        raise ContentError("there is no video")
    async with opened as stream:
        return b"".join([chunk async for chunk in stream.chunks])
