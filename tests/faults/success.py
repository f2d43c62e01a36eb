"""How many jobs end with a video while answers are lost and connections reset, and what that risks."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from io import StringIO
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from aiohttp import ClientSession
from rich.table import Table

from providers.sandbox import Habits, Sandbox
from router.app import Place, observer_for, running
from router.config.loading import load
from router.core.ledger import CostKind
from router.core.money import usd
from tests.faults.accounts import accounts, uncertain_microusd
from tests.faults.cells import POLICIES, Terms
from tests.faults.figures import Figures, figures
from tests.faults.ground import SECONDS, Ground, with_lookup
from tests.rig import DIALECTS, POLLING, SOLD, TIME_SCALE, provider_document

# Two lost submits at whichever providers, but not one at each of the three.
DUPLICATE_USD: Final = "1.20"
DUPLICATE_MICROUSD: Final = 1_200_000
SUBMIT_S: Final = 3.0
# 2 % of creates lose their answer, 2 % are reset, 3 % meet a server in trouble, half of all that after the bill.
_CREATES: Final = (
    {"fault": "cut_after_accept", "share": 0.005},
    {"fault": "cut_before_accept", "share": 0.01},
    {"fault": "late_answer", "share": 0.005, "delay_s": 2 * SUBMIT_S},
    {"fault": "reset_before_body", "share": 0.01},
    {"fault": "reset_after_accept", "share": 0.01},
    {"fault": "http_500", "share": 0.005, "accepted": True},
    {"fault": "html_502", "share": 0.005},
    {"fault": "html_504", "share": 0.01, "accepted": True},
    {"fault": "http_503", "share": 0.01},
)
_POLLS: Final = (
    {"fault": "poll_cut", "share": 0.02},
    {"fault": "poll_reset", "share": 0.02},
    {"fault": "poll_500", "share": 0.03},
)
_DOWNLOADS: Final = (
    {"fault": "link_truncated", "share": 0.02, "fetches": 1},
    {"fault": "link_reset", "share": 0.02, "fetches": 1},
    {"fault": "link_500", "share": 0.03, "fetches": 1},
)
WEATHER: Final = (*_CREATES, *_POLLS, *_DOWNLOADS)
# One provider at a time is as it should be, one refuses connections, and one has the weather.
_OUT: Final = ({"fault": "refuse_connect"},)
_PHASE_S: Final = 2.0
_BREAKER: Final = {"window_s": 5, "volume_min": 10, "failure_share": 0.5, "reset_s": 0.5, "reset_s_max": 1}


@dataclass(frozen=True, slots=True)
class Weather:
    """Under which policy the jobs are ordered, and whether two of the three providers are worse off by turns."""

    on_ambiguous: str
    outages: bool = False
    lookup: bool = False

    def __str__(self) -> str:
        return f"{self.on_ambiguous}-{'outages' if self.outages else 'weather'}{'-lookup' if self.lookup else ''}"

    @property
    def name(self) -> str:
        """The row's name."""
        return "weather and outages" if self.outages else "weather"

    @property
    def duplicate_microusd_max(self) -> int:
        """The most that a job may risk."""
        return DUPLICATE_MICROUSD if self.on_ambiguous == "failover" else 0


WEATHERS: Final = (
    *(Weather(policy) for policy in POLICIES),
    *(Weather(policy, lookup=True) for policy in POLICIES),
    *(Weather(policy, outages=True) for policy in POLICIES),
)


@dataclass(frozen=True, slots=True)
class Success:
    """What became of the jobs. `uncertain_most` is the most money that was open without anybody being told of it."""

    figures: Figures
    uncertain_most: int
    found_later: int
    found_later_microusd: int
    took_s: float

    @property
    def share(self) -> float:
        """The share of jobs that ended with a video."""
        return self.figures.succeeded / self.figures.jobs

    def document(self) -> dict[str, Any]:
        """The figures as JSON."""
        return {**asdict(self), "share": self.share}


@asynccontextmanager
async def a_market(folder: Path, terms: Terms) -> AsyncIterator[Ground]:
    """Start three providers, one of each dialect, at their own prices, and a router before them."""
    async with AsyncExitStack() as stack:
        sandboxes: dict[str, Sandbox] = {}
        described: dict[str, Any] = {}
        for seed, dialect in enumerate(DIALECTS):
            options = {"prices": SOLD.get(dialect), "habits": Habits(echoes_prompt=terms.lookup)}
            started = Sandbox.start(dialect, time_scale=TIME_SCALE, seed=seed, **options)
            sandboxes[dialect] = await stack.enter_async_context(started)
            key_file = folder / f"{dialect}.key"
            key_file.write_text(sandboxes[dialect].key)
            timeouts = {"connect_s": 5, "submit_s": SUBMIT_S, "poll_s": 5, "download_idle_s": 5}
            # Nothing is given up because the machine is busy: that would be a second purchase of its own kind.
            polling = {**POLLING, "stall_s": 60, "deadline_s": 90, "download_s_max": 60}
            described[dialect] = provider_document(
                sandboxes[dialect], key_file, timeouts=timeouts, polling=polling, breaker=_BREAKER, in_flight_max=500
            )
        config, database = folder / "router.yaml", folder / "router.db"
        config.write_text(json.dumps(_document(described, terms.on_ambiguous)))
        settings = with_lookup(load(config, {}), terms)
        place = Place("127.0.0.1", 0, "127.0.0.1", 0, database)
        router = await stack.enter_async_context(running(settings, place, observer_for(settings.catalog, StringIO())))
        http = await stack.enter_async_context(ClientSession(router.url))
        yield Ground(router, sandboxes, http, database)


def _document(providers: Mapping[str, Any], on_ambiguous: str) -> dict[str, Any]:
    bound = {"max_duplicate_usd": DUPLICATE_USD} if on_ambiguous == "failover" else {}
    return {
        "defaults": {"model": "sora-2", "seconds": SECONDS, "size": "720x1280"},
        # All three get a good part of the jobs.
        "routing": {"policy": "weighted"},
        "policy": {"min_attempt_s": 0.1, "job_deadline_s": 120, "on_ambiguous": on_ambiguous, **bound},
        "providers": providers,
    }


async def measured(folder: Path, weather: Weather, jobs: int, at_once: int = 60) -> Success:
    """Order so many jobs in bad weather, and take all accounts when the last one has ended."""
    began = time.monotonic()
    terms = Terms("all", weather.on_ambiguous, weather.lookup)
    async with a_market(folder, terms) as market:
        for sandbox in market.sandboxes.values():
            await sandbox.set_faults(WEATHER)
        most = [0]
        around = [asyncio.create_task(_watch(market.database, most))]
        around += [asyncio.create_task(_outages(market.sandboxes))] if weather.outages else []
        free = asyncio.Semaphore(at_once)

        async def made(number: int) -> Any:
            async with free:
                return await market.made(f"weather {number}", list(market.sandboxes))

        try:
            ordered = await asyncio.gather(*(made(number) for number in range(jobs)))
        finally:
            for task in around:
                task.cancel()
            await asyncio.gather(*around, return_exceptions=True)
        most.append(uncertain_microusd(market.database))
        found = accounts(market.database, market.sandboxes, ordered)
        creates = sum(sandbox.books().requests.get("create", 0) for sandbox in market.sandboxes.values())
        row = figures(terms, weather.name, found, creates, weather.duplicate_microusd_max)
    later = [each for account in found for each in account.attempts if each.cost_kind is CostKind.DUPLICATE]
    paid_later = sum(each.posted_microusd for each in later)
    return Success(row, max(most), len(later), paid_later, round(time.monotonic() - began, 1))


async def _watch(database: Path, most: list[int]) -> None:
    while True:
        most.append(await asyncio.to_thread(uncertain_microusd, database))
        await asyncio.sleep(0.5)


async def _outages(sandboxes: Mapping[str, Sandbox]) -> None:
    """Let each provider be the only healthy one in its turn."""
    for healthy in cycle(range(len(sandboxes))):
        turns = ((), _OUT, WEATHER)
        for number, sandbox in enumerate(sandboxes.values()):
            await sandbox.set_faults(turns[(number - healthy) % len(turns)])
        await asyncio.sleep(_PHASE_S)


def run_success(weather: Weather, jobs: int) -> Success:
    """Measure in a process of its own."""
    with TemporaryDirectory() as folder:
        return asyncio.run(measured(Path(folder), weather, jobs))


def success_table(rows: Sequence[Success]) -> Table:
    """Print the shares, and the money at risk."""
    title = "2 % of answers lost, 2 % of connections reset, 3 % 5xx, on creates, polls and downloads"
    columns = (
        "policy",
        "lookup",
        "weather",
        "jobs",
        "videos",
        "share",
        "failed",
        "attempts",
        "open most",
        "open at the end",
    )
    shown = Table(*columns, "risked max", "bought twice", "twice USD", "found later", "posted USD", title=title)
    for each in rows:
        row = each.figures
        failed = ", ".join(f"{count} {code}" for code, count in row.failed.items())
        shown.add_row(
            *(row.on_ambiguous, "yes" if row.lookup else "no", row.name),
            *(str(row.jobs), str(row.succeeded), f"{each.share:.2%}", failed),
            *(str(row.attempts), usd(each.uncertain_most), usd(row.uncertain), usd(row.risked_max)),
            *(f"{row.duplicates} jobs", usd(row.paid_twice)),
            *(f"{each.found_later} for {usd(each.found_later_microusd)}", usd(row.posted)),
        )
    return shown
