"""Rounds of load and `kill -9`: whatever was under way is taken up, held or given back, and the books agree."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from signal import SIGTERM
from typing import Any, Final

from providers.sandbox import Books
from router.core.job import AttemptState
from tests.crash.callers import Callers
from tests.crash.reconciliation import LIVE, Ledger, unfinished
from tests.crash.scene import Scene, a_scene, stop_standby
from tests.process import UNHURRIED

JOBS_A_ROUND: Final = 10
LOOKS_A_ROUND: Final = 10
REPLAYS_A_ROUND: Final = 3
DELETES_A_ROUND: Final = 1
# Every phase lasts long enough to be killed in, and some jobs take every way out.
WEATHER: Final = (
    {"fault": "late_answer", "share": 0.4, "delay_s": 0.3},
    {"fault": "cut_after_accept", "share": 0.04},
    {"fault": "cut_before_accept", "share": 0.02},
    {"fault": "http_500", "share": 0.02, "accepted": True},
    {"fault": "http_503", "share": 0.05, "retry_after_s": 0},
    {"fault": "slow_download", "share": 0.3, "delay_s": 0.3},
    {"fault": "link_late", "share": 0.1, "fetches": 2},
    {"fault": "fail_at_95", "share": 0.1},
    {"fault": "never_finishing", "share": 0.03},
    {"fault": "poll_500", "share": 0.1},
    {"fault": "poll_cut", "share": 0.05},
)
# A video of 15 s takes 1.2 to 2 s here: some are given up for being slow, and turn up late.
HURRIED: Final[Mapping[str, Any]] = {
    **UNHURRIED,
    "lookup": {"settle_s": 0.4},
    "polling": {
        "first_after_s": 0.02,
        "interval_s_min": 0.03,
        "interval_s_max": 0.1,
        "polls_per_s_max": 1000,
        "stall_s": 4,
        "deadline_s": 4,
        "late_interval_s": 0.5,
        "late_s_max": 3600,
        "download_s_max": 10,
        "link_settles_s": 0.5,
    },
}


@dataclass(slots=True)
class Tally:
    """What happened so far. `under_way` counts, by phase, the kills that came into it."""

    rounds: int = 0
    under_way: Counter[str] = field(default_factory=Counter)
    interrupted: set[str] = field(default_factory=set)
    starting: int = 0
    stopping: int = 0


@dataclass(slots=True)
class Rounds:
    """Kills one router again and again. `rng` decides who asks when, and when the end comes."""

    scene: Scene
    rng: Random
    callers: Callers
    tally: Tally = field(default_factory=Tally)

    async def one(self) -> Ledger:
        """Start, load, kill, reconcile; AssertionError says what was lost, bought twice or does not add up."""
        served, rng = self.scene.served, self.rng
        self.tally.rounds += 1
        served.begin()
        served.standby = served.spawned(stands_by=True)
        if rng.random() < 0.1:
            # While it takes up what the last one left.
            self.tally.starting += 1
            await asyncio.sleep(rng.uniform(0.0, 0.4))
            await served.kill()
        else:
            await served.listening()
            load = asyncio.gather(*self._load())
            await asyncio.sleep(rng.uniform(0.02, 1.2))
            if rng.random() < 0.1:
                self.tally.stopping += 1
                served.signal(SIGTERM)
                await asyncio.sleep(rng.uniform(0.0, 0.5))
            await served.kill()
            await load
        ledger = await self.scene.reconciled()
        self._check_promises(ledger)
        self._count(ledger, await self.scene.books())
        return ledger

    async def ended(self, limit_s: float = 120.0) -> tuple[Ledger, Mapping[str, Books]]:
        """Leave the router alone until every job has ended, stop it, and reconcile a last time."""
        served = self.scene.served
        await self.scene.weather()
        await served.start()
        async with asyncio.timeout(limit_s):
            while self.callers.unanswered:
                await asyncio.gather(*(self.callers.ask(key) for key in self.callers.unanswered))
            while await self.scene.open_jobs():
                await asyncio.sleep(0.5)
        assert await served.stop() == 0
        ledger = await self.scene.reconciled()
        self._check_promises(ledger)
        assert len(ledger.jobs) == len(self.callers.orders), "a job that nobody ordered, or one that is lost"
        still = unfinished(ledger)
        assert not still, "\n".join(still)
        return ledger, await self.scene.books()

    def _load(self) -> list[Any]:
        callers, rng, number = self.callers, self.rng, self.tally.rounds
        again = [callers.ask(key, rng.uniform(0, 0.2)) for key in callers.unanswered]
        known = list(callers.promised)
        lasting = [key for key in known if key not in callers.doomed]
        replays = rng.sample(lasting, min(REPLAYS_A_ROUND, len(lasting)))
        looks, deletes = known[-LOOKS_A_ROUND:], lasting[-DELETES_A_ROUND:]
        new = [callers.order(f"round {number}, scene {each}") for each in range(JOBS_A_ROUND)]
        return [
            *again,
            *(callers.ask(key, rng.uniform(0, 0.6)) for key in [*new, *replays]),
            *(callers.look(key, rng.uniform(0, 0.6)) for key in looks),
            *(callers.delete(key, rng.uniform(0, 0.6)) for key in deletes),
        ]

    def _check_promises(self, ledger: Ledger) -> None:
        stored = {job.key: job.id for job in ledger.jobs.values()}
        lost = {key: id_ for key, id_ in self.callers.promised.items() if stored.get(key) != id_}
        assert not lost, f"promised and not stored: {lost}"
        shown = {job.key for job in ledger.jobs.values() if not job.deleted}
        assert not shown & self.callers.deleted, f"deleted and still there: {shown & self.callers.deleted}"
        assert stored.keys() <= self.callers.orders.keys()

    def _count(self, ledger: Ledger, books: Mapping[str, Books]) -> None:
        fetched = {entry.id for kept in books.values() for entry in kept.accepted if entry.fetches}
        live = [row for row in ledger.rows if row.state in LIVE]
        self.tally.interrupted |= {row.attempt_id for row in live if row.state is AttemptState.SUBMITTING}
        met = {
            "downloading" if ledger.remote_ids.get(row.attempt_id) in fetched else str(row.state)
            for row in (*live, *(row for row in ledger.rows if row.state is AttemptState.LATE))
        }
        busy = {row.job_id for row in live}
        if any(not job.ended and job.id not in busy for job in ledger.jobs.values()):
            met.add("between")
        self.tally.under_way.update(met or {"nothing"})


@asynccontextmanager
async def rounds(folder: Path, seed: int) -> AsyncIterator[Rounds]:
    """Start the upstreams in bad weather, for as many rounds as are wanted; all are asked alike, whatever they cost."""
    async with a_scene(folder, providers=HURRIED, seed=seed, routing={"policy": "weighted"}) as scene:
        await scene.weather(*WEATHER)
        rng = Random(seed)
        try:
            yield Rounds(scene, rng, Callers(scene.served, rng))
        finally:
            stop_standby(scene.served)
