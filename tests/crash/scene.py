"""A router process before upstream processes, as the crash tests kill, stop and starve them."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, ClientTimeout

from providers.sandbox import Books
from providers.sandbox.life import ENDS
from router.core.report import ReportRow
from tests.crash.reconciliation import Ledger, audit_findings, complaints, read_ledger
from tests.crash.upstream import UpstreamProcess, an_upstream
from tests.process import UNHURRIED, Served, write_configuration

DIALECTS = ("jizhiai", "shenma", "openai")
# It has all it needs in memory before it is told to begin.
STANDBY = (sys.executable, "-m", "tests.crash.standby")


@dataclass(slots=True)
class Scene:
    """One router, started again and again, and its upstreams by name."""

    served: Served
    upstreams: Mapping[str, UpstreamProcess]

    async def start(self) -> None:
        """Start the router and wait until it listens."""
        await self.served.start()

    async def weather(self, *faults: Mapping[str, Any]) -> None:
        """Put these faults in force at every upstream, and no others."""
        for upstream in self.upstreams.values():
            await upstream.set_faults(*faults)

    async def books(self) -> dict[str, Books]:
        """All books, once no create is on its way any more to any of them."""
        books, before = await self._books(), None
        while before != (creates := {name: each.requests.get("create", 0) for name, each in books.items()}):
            before = creates
            await asyncio.sleep(0.02)
            books = await self._books()
        return books

    async def reconciled(self, database: Path | None = None) -> Ledger:
        """Compare the file with the books; AssertionError says what does not agree.

        Whoever is being asked for a video meanwhile may be in one of them only: nothing may be submitted then.
        """
        books = await self.books()
        ledger, found = await asyncio.to_thread(_read, database or self.served.database)
        wrong = [*found, *complaints(ledger, books)]
        assert not wrong, "\n".join(wrong)
        return ledger

    async def open_jobs(self) -> int:
        """How many jobs the file has that have not ended."""
        ledger, _ = await asyncio.to_thread(_read, self.served.database)
        return sum(not job.ended for job in ledger.jobs.values())

    async def accepted(self, count: int) -> None:
        """Wait until the upstreams have accepted so many creates."""
        async with asyncio.timeout(10):
            while sum(each.totals.accepted for each in (await self._books()).values()) < count:
                await asyncio.sleep(0.01)

    async def polls(self) -> int:
        """How often the upstreams were asked how far a job is."""
        return sum(each.requests.get("poll", 0) for each in (await self._books()).values())

    async def all_ended_upstream(self) -> None:
        """Wait until nothing is being made any more."""
        async with asyncio.timeout(30):
            while any(entry.status not in ENDS for kept in (await self._books()).values() for entry in kept.accepted):
                await asyncio.sleep(0.05)

    async def until(self, holds: Callable[[list[ReportRow]], object], limit_s: float = 30.0) -> None:
        """Wait until something holds for the attempts in the file, of which there is one at least."""
        async with asyncio.timeout(limit_s):
            while not ((rows := await asyncio.to_thread(self.served.rows)) and holds(rows)):
                await asyncio.sleep(0.02)

    async def _books(self) -> dict[str, Books]:
        return {name: await upstream.books() for name, upstream in self.upstreams.items()}


def _read(database: Path) -> tuple[Ledger, list[str]]:
    if not database.exists():
        # Its first router was killed before it had made it.
        return Ledger({}, (), {}), []
    return read_ledger(database), audit_findings(database)


@asynccontextmanager
async def a_scene(
    folder: Path,
    *dialects: str,
    providers: Mapping[str, Any] = UNHURRIED,
    time_scale: float = 150.0,
    seed: int = 0,
    **sections: Any,
) -> AsyncIterator[Scene]:
    """Start the upstreams; the router is started by the test."""
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(ClientSession(timeout=ClientTimeout(total=30)))
        entered = [
            stack.enter_async_context(an_upstream(dialect, http, time_scale=time_scale, seed=seed + number))
            for number, dialect in enumerate(dialects or DIALECTS)
        ]
        upstreams = {each.dialect: each for each in await asyncio.gather(*entered)}
        write_configuration(folder, upstreams, providers, **{"policy": {"job_deadline_s": 60}, **sections})
        served = Served(folder, {}, http, program=STANDBY)
        stack.push_async_callback(served.kill)
        stack.callback(stop_standby, served)
        yield Scene(served, upstreams)


def stop_standby(served: Served) -> None:
    """End the process that waits for its turn."""
    if served.standby is not None:
        served.standby[0].kill()
        served.standby[0].wait()
        served.standby = None
