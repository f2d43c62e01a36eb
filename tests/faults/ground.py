"""A router before one dialect's providers: one for each fault, and a healthy one that is everybody's last choice."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from aiohttp import ClientSession

from providers.sandbox import Habits, Price, Sandbox
from providers.sandbox.sandbox import Control
from router.app import Place as Address
from router.app import Running, observer_for, running
from router.config.loading import load
from router.config.settings import Settings
from router.core.catalog import Catalog
from router.core.lookup import LookupMode, LookupSettings
from tests.faults.accounts import Account, Ordered, accounts
from tests.faults.cells import CELLS, QUOTE_MICROUSD, QUOTE_USD, SPARE_MICROUSD, SPARE_USD, Cell, Fault, Place, Terms
from tests.faults.figures import Figures, figures
from tests.faults.places import UNRESOLVED_URL, silent, unresolved
from tests.rig import TIME_SCALE, provider_document

SPARE: Final = "spare"
SECONDS: Final = 10
# A video takes 60 to 180 ms at this scale; whoever waits for none of it asks once or twice.
_POLLING: Final = {"first_after_s": 0.15, "interval_s_min": 0.1, "interval_s_max": 0.3, "polls_per_s_max": 1000}
# Nothing is given up because the machine is busy, and nobody is ejected: every job has to meet its fault.
_PATIENCE: Final = {"stall_s": 120, "deadline_s": 240, "download_s_max": 60, "late_interval_s": 300, "late_s_max": 600}
_TIMEOUTS: Final = {"connect_s": 20, "submit_s": 30, "poll_s": 30, "download_idle_s": 30}
_BREAKER: Final = {"volume_min": 10_000, "window_s": 1}
# How long a lost submit is looked for; the first look comes after a second.
_SETTLE_S: Final = 3.0
SLOWER: Final = 8.0
_ENDED_WITHIN_S: Final = 300.0
_AGAIN_AFTER_S: Final = 0.2


@dataclass(slots=True)
class Ground:
    """A router, its upstreams by provider, and how jobs are ordered from it."""

    router: Running
    sandboxes: Mapping[str, Sandbox]
    http: ClientSession
    database: Path

    async def made(self, prompt: str, only: Sequence[str]) -> Ordered:
        """Order a video from these providers alone, and wait for its end as a caller sees it."""
        body = {"model": "sora-2", "prompt": prompt, "seconds": str(SECONDS), "size": "720x1280"}
        created = await self._created({**body, "routing": {"only": list(only)}})
        async with asyncio.timeout(_ENDED_WITHIN_S):
            while (job := await self.router.engine.job("anonymous", created["id"])) is not None and not job.ended:
                await asyncio.sleep(0.05)
        async with self.http.get(f"/v1/videos/{created['id']}") as response:
            video = await response.json()
        return Ordered(created["id"], prompt, video["error"]["code"] if video["status"] == "failed" else None)

    async def _created(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Create, and again while nobody takes jobs: such an answer says that nothing was bought."""
        async with asyncio.timeout(_ENDED_WITHIN_S):
            while True:
                async with self.http.post("/v1/videos", json=body) as response:
                    answer: dict[str, Any] = await response.json()
                if response.status == 200:
                    return answer
                assert response.status == 503, answer
                await asyncio.sleep(_AGAIN_AFTER_S)


@asynccontextmanager
async def a_ground(folder: Path, terms: Terms, faults: Sequence[Fault]) -> AsyncIterator[Ground]:
    """Start a sandbox for each fault and a healthy one, and a router before them."""
    async with AsyncExitStack() as stack:
        stack.enter_context(unresolved())
        control = await stack.enter_async_context(Control.start())
        sandboxes: dict[str, Sandbox] = {}
        described: dict[str, Any] = {}
        for fault in (*faults, None):
            name = SPARE if fault is None else fault.name
            amount = SPARE_MICROUSD if fault is None else QUOTE_MICROUSD
            prices = [Price("sora-2", amount, (SECONDS,))]
            options = {"time_scale": TIME_SCALE, "prices": prices, "habits": Habits(echoes_prompt=terms.lookup)}
            started = Sandbox.start(terms.dialect, name=name, control=control, **options)
            sandboxes[name] = await stack.enter_async_context(started)
            described[name] = _provider(folder, sandboxes[name], fault)
            if fault is not None:
                await sandboxes[name].set_faults(fault.rules)
                match fault.place:
                    case Place.UNRESOLVED:
                        described[name]["base_url"] = UNRESOLVED_URL
                    case Place.SILENT:
                        described[name]["base_url"] = stack.enter_context(silent())
                    case Place.PLAIN:
                        described[name]["base_url"] = sandboxes[name].base_url.replace("http://", "https://")
        config, database = folder / "router.yaml", folder / "router.db"
        config.write_text(json.dumps(_document(described, policy_of(terms))))
        settings = with_lookup(load(config, {}), terms)
        place = Address("127.0.0.1", 0, "127.0.0.1", 0, database)
        router = await stack.enter_async_context(running(settings, place, observer_for(settings.catalog, StringIO())))
        http = await stack.enter_async_context(ClientSession(router.url))
        yield Ground(router, sandboxes, http, database)


def _provider(folder: Path, sandbox: Sandbox, fault: Fault | None) -> dict[str, Any]:
    key_file = folder / f"{sandbox.name}.key"
    key_file.write_text(sandbox.key)
    document = provider_document(sandbox, key_file, breaker=_BREAKER, in_flight_max=10_000)
    document["timeouts"] = {**_TIMEOUTS, **(fault.timeouts if fault else {})}
    document["polling"] = {**document["polling"], **_POLLING, **_PATIENCE}
    price = {"per_clip": QUOTE_USD if fault else SPARE_USD}
    document["offerings"] = [{"model": "sora-2", "sizes": ["720x1280"], "seconds": [SECONDS], "price": price}]
    return document


def _document(providers: Mapping[str, Any], policy: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "defaults": {"model": "sora-2", "seconds": SECONDS, "size": "720x1280"},
        "policy": {"min_attempt_s": 0.1, "job_deadline_s": 600, "max_attempts": 3, **policy},
        "providers": providers,
    }


def policy_of(terms: Terms) -> dict[str, Any]:
    """The operator's word on lost submits."""
    bound = {"max_duplicate_usd": QUOTE_USD} if terms.on_ambiguous == "failover" else {}
    return {"on_ambiguous": terms.on_ambiguous, **bound}


def with_lookup(settings: Settings, terms: Terms) -> Settings:
    """Look for lost submits, or do not."""
    lookup = LookupSettings(LookupMode.IDENTIFIED if terms.lookup else LookupMode.OFF, _SETTLE_S)
    providers = tuple(replace(each, lookup=lookup) for each in settings.catalog.providers.values())
    return replace(settings, catalog=Catalog.of(providers, settings.catalog.offerings))


async def run_cells(
    folder: Path, terms: Terms, jobs: int, cells: Sequence[Cell] = CELLS, slower: float = 1.0, at_once: int = 200
) -> list[Figures]:
    """Order so many jobs of every cell, all cells side by side, and take all accounts when the last one has ended."""
    faults = [fault.slower(slower) for cell in cells for fault in cell.faults]
    free = asyncio.Semaphore(at_once)
    async with a_ground(folder, terms, faults) as ground:

        async def made(cell: Cell, number: int) -> Ordered:
            async with free:
                names = [fault.name for fault in cell.faults]
                return await ground.made(f"{cell.name} {number} of {terms.dialect}", (*names, SPARE))

        # One job of each cell after the other, so that the slow ones do not come all at once.
        waves = await asyncio.gather(*(made(cell, number) for number in range(jobs) for cell in cells))
        found = accounts(ground.database, ground.sandboxes, waves)
        return [_figures_of(terms, cell, ground, found[number :: len(cells)]) for number, cell in enumerate(cells)]


def _figures_of(terms: Terms, cell: Cell, ground: Ground, found: Sequence[Account]) -> Figures:
    own = sum(ground.sandboxes[fault.name].books().requests.get("create", 0) for fault in cell.faults)
    spare = sum(bought.provider == SPARE for each in found for bought in each.bought)
    return figures(terms, cell.name, found, own + spare, terms.duplicate_microusd_max)


def run(terms: Terms, jobs: int, cells: Sequence[Cell] = CELLS) -> list[Figures]:
    """Run every cell under these terms, in a process of its own."""
    # A sandbox that is spoken to in TLS says so each time.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    with TemporaryDirectory() as folder:
        return asyncio.run(run_cells(Path(folder), terms, jobs, cells, SLOWER))
