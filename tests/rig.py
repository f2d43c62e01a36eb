"""A whole router beside real sandbox upstreams, in this process and on loopback, for tests that want the real thing."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from typing import Any

import yaml
from openai import AsyncOpenAI

from providers.adapter import Adapter
from providers.sandbox import Sandbox
from providers.sandbox.habits import OPENAIS_OWN, Habits
from router.app import Place, Running, observer_for, running
from router.config.loading import load
from router.config.settings import Settings
from router.core.catalog import Catalog
from router.core.report import ReportRow
from router.engine.store.reading import read_report
from tests.sold import SOLD

# 60-180 s of a real job become 60-180 ms.
TIME_SCALE = 1000.0
DIALECTS = ("jizhiai", "shenma", "openai")

SECONDS = {"jizhiai": [10, 15], "shenma": [10, 15], "openai": [4, 8, 10, 12]}
PRICES: Mapping[str, Any] = {
    "jizhiai": {"per_clip": [{"amount": "0.12", "seconds": [10]}, {"amount": "0.18", "seconds": [15]}]},
    "shenma": {"per_clip": [{"amount": "0.15", "seconds": [10]}, {"amount": "0.20", "seconds": [15]}]},
    "openai": {"per_second": "0.10"},
}
POLLING: Mapping[str, float] = {
    "first_after_s": 0.02,
    "interval_s_min": 0.02,
    "interval_s_max": 0.1,
    "polls_per_s_max": 1000,
    "stall_s": 1.5,
    "deadline_s": 4,
    "late_interval_s": 0.2,
    "late_s_max": 60,
    "download_s_max": 1,
    "link_settles_s": 0.5,
}


def provider_document(sandbox: Sandbox, key_file: Path, **changes: Any) -> dict[str, Any]:
    """Describe a sandbox as the configuration of a provider: everything quick, everything it sells as sora-2."""
    dialect = str(sandbox.dialect)
    host = sandbox.base_url.removeprefix("http://")
    document: dict[str, Any] = {
        "dialect": dialect,
        "base_url": sandbox.base_url,
        "api_key": {"file": str(key_file)},
        "asset_hosts": [host],
        "timeouts": {"connect_s": 2, "submit_s": 1, "poll_s": 1, "download_idle_s": 1},
        "polling": dict(POLLING),
        # Only this dialect lists its jobs; its own sandbox repeats no prompt, so that nothing is found.
        **({"lookup": {"settle_s": 0.2}} if dialect == "openai" else {}),
        "offerings": [
            {
                "model": "sora-2",
                "sizes": ["720x1280", "1280x720"],
                "seconds": SECONDS[dialect],
                "image_inputs": ["url", "file"],
                "images_max": 1,
                "price": PRICES[dialect],
            }
        ],
    }
    return {**document, **changes}


@dataclass(slots=True)
class Rig:
    """A running router, its sandboxes by name, and the official SDK pointed at it."""

    router: Running
    sandboxes: Mapping[str, Sandbox]
    client: AsyncOpenAI
    database: Path
    log: StringIO

    async def made(self, **request: Any) -> Any:
        """Create a video and wait for its end, as a caller of the SDK does."""
        plain = {"prompt": "a paper boat on a river", "model": "sora-2", "seconds": "10", "size": "720x1280"}
        video = await self.client.videos.create(**{**plain, **request})
        return await self.ended(video.id)

    async def ended(self, video_id: str, limit_s: float = 20.0) -> Any:
        """Wait until a video is completed or failed."""
        async with asyncio.timeout(limit_s):
            while (video := await self.client.videos.retrieve(video_id)).status not in ("completed", "failed"):
                await asyncio.sleep(0.02)
        return video

    def rows(self) -> list[ReportRow]:
        """Read every attempt and its money from the file, as a report does."""
        return read_report(self.database, None)


def assert_books_agree(rig: Rig) -> None:
    """Every provider's own books equal the ledger, up to pending entries still open, to the micro-USD."""
    rows = rig.rows()
    for name, sandbox in rig.sandboxes.items():
        mine = [row for row in rows if row.provider == name]
        posted = sum(row.posted_microusd or 0 for row in mine)
        still_open = sum(row.open_microusd for row in mine)
        net = sandbox.books().totals.net_microusd
        assert posted <= net <= posted + still_open, f"{name}: posted {posted}, open {still_open}, billed {net}"


def with_adapters(settings: Settings, adapters: Mapping[str, Adapter]) -> Settings:
    """Give single providers an adapter that no configuration could name."""
    found = settings.catalog.providers.values()
    providers = tuple(replace(each, adapter=adapters.get(each.name, each.adapter)) for each in found)
    return replace(settings, catalog=Catalog.of(providers, settings.catalog.offerings, settings.catalog.groups))


@asynccontextmanager
async def a_rig(
    folder: Path,
    *dialects: str,
    providers: Mapping[str, Mapping[str, Any]] | None = None,
    time_scale: float = TIME_SCALE,
    adapters: Mapping[str, Adapter] | None = None,
    habits: Habits = OPENAIS_OWN,
    watch_s: float = 0.0,
    **sections: Any,
) -> AsyncIterator[Rig]:
    """Start a sandbox for each dialect and a router before them; `providers` changes single providers' sections.

    `adapters` takes the place of single providers' own; `habits` are those of every sandbox; `watch_s` is how often the
    router looks at its configuration, 0 for never.
    """
    async with AsyncExitStack() as stack:
        sandboxes: dict[str, Sandbox] = {}
        described: dict[str, Any] = {}
        for dialect in dialects or DIALECTS:
            sandbox = await stack.enter_async_context(
                Sandbox.start(dialect, time_scale=time_scale, prices=SOLD.get(dialect), habits=habits)
            )
            key_file = folder / f"{dialect}.key"
            key_file.write_text(sandbox.key)
            sandboxes[dialect] = sandbox
            described[dialect] = provider_document(sandbox, key_file, **(providers or {}).get(dialect, {}))
        document = {
            "defaults": {
                "model": "sora-2",
                "seconds": described[next(iter(described))]["offerings"][0]["seconds"][0],
                "size": "720x1280",
            },
            "server": {"poll_after_ms": 20},
            "providers": described,
            **sections,
            "policy": {"min_attempt_s": 0.1, **sections.get("policy", {})},
        }
        path = folder / "router.yaml"
        path.write_text(yaml.safe_dump(document))
        log = StringIO()
        settings = with_adapters(load(path, {}), adapters or {})
        database = folder / "router.db"
        place = Place("127.0.0.1", 0, "127.0.0.1", 0, database)
        observer = observer_for(settings.catalog, log)
        router = await stack.enter_async_context(running(settings, place, observer, watch_s))
        client = AsyncOpenAI(base_url=f"{router.url}/v1", api_key="unused", max_retries=0)
        stack.push_async_callback(client.close)
        yield Rig(router, sandboxes, client, database, log)
