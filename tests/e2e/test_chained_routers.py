"""A router before another router: what it sends carries a reference, by which a lost submit is found for certain."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import yaml
from openai import AsyncOpenAI

from router.app import Place, observer_for, running
from router.config.loading import load
from router.core.ledger import CostKind
from router.engine.store.reading import read_report
from tests.rig import POLLING, Rig, a_rig, assert_books_agree


@asynccontextmanager
async def losing_creates(port: int) -> AsyncIterator[str]:
    """Pass connections on to a port of this machine, but the answers to POSTs back to nobody."""

    serving: set[asyncio.Task[None] | None] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.current_task())
        upstream_reader, upstream = await asyncio.open_connection("127.0.0.1", port)
        sending: asyncio.Task[None] | None = None
        try:
            head = await reader.readuntil(b"\r\n")
            upstream.write(head)
            sending = asyncio.create_task(_pass_on(reader, upstream))
            if head.startswith(b"POST"):
                await upstream_reader.readuntil(b"\r\n\r\n")
            else:
                await _pass_on(upstream_reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            if sending is not None:
                sending.cancel()
            for each in (upstream, writer):
                each.close()
                with contextlib.suppress(OSError):
                    await each.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    # Connections are kept alive: somebody has to hang up.
    left = [task for task in serving if task is not None]
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()


@asynccontextmanager
async def a_router_before(rig: Rig, base_url: str, folder: Path) -> AsyncIterator[tuple[AsyncOpenAI, Path]]:
    """Start a router whose only provider is the rig's router, and return a client of it and its file."""
    (folder / "upstream.key").write_text("none")
    offering = {"model": "sora-2", "sizes": ["720x1280"], "seconds": [10], "price": {"per_clip": "0.20"}}
    provider: dict[str, Any] = {
        "dialect": "openai",
        "profile": "video-router",
        "base_url": base_url,
        "api_key": {"file": str(folder / "upstream.key")},
        "asset_hosts": [base_url.removeprefix("http://")],
        "polling": dict(POLLING),
        "lookup": {"settle_s": 5},
        "offerings": [offering],
    }
    path = folder / "front.yaml"
    path.write_text(yaml.safe_dump({"defaults": {"model": "sora-2"}, "providers": {"behind": provider}}))
    settings = load(path, {})
    place = Place("127.0.0.1", 0, "127.0.0.1", 0, folder / "front.db")
    async with running(settings, place, observer_for(settings.catalog, rig.log)) as router:
        client = AsyncOpenAI(base_url=f"{router.url}/v1", api_key="unused", max_retries=0)
        yield client, place.database
        await client.close()


async def ended(client: AsyncOpenAI, video_id: str) -> Any:
    async with asyncio.timeout(20):
        while (video := await client.videos.retrieve(video_id)).status not in ("completed", "failed"):
            await asyncio.sleep(0.05)
    return video


async def test_lost_answers_between_two_routers_cost_one_video_each(tmp_path: Path) -> None:
    async with a_rig(tmp_path, "jizhiai") as rig, losing_creates(int(rig.router.url.rpartition(":")[2])) as address:
        async with a_router_before(rig, address, tmp_path) as (client, database):
            # The same words twice: only the reference tells the two apart.
            order: dict[str, Any] = {"prompt": "a paper boat", "seconds": "10", "size": "720x1280"}
            made = [await client.videos.create(**order) for _ in range(3)]
            assert {(await ended(client, video.id)).status for video in made} == {"completed"}
            rows = read_report(database, None)
            assert [row.cost_kind for row in rows] == [CostKind.DELIVERED] * 3
        assert rig.sandboxes["jizhiai"].books().totals.accepted == 3
        assert_books_agree(rig)


async def test_a_cancel_goes_all_the_way(tmp_path: Path) -> None:
    async with (
        a_rig(tmp_path, "jizhiai", time_scale=30.0) as rig,
        a_router_before(rig, rig.router.url, tmp_path) as (client, database),
    ):
        video = await client.videos.create(prompt="a paper boat", seconds="10", size="720x1280")
        async with asyncio.timeout(10):
            while not [row for row in rig.rows() if row.accepted_at]:
                await asyncio.sleep(0.02)
        await client.videos.delete(video.id)
        async with asyncio.timeout(10):
            while rig.rows()[0].job_state != "failed":
                await asyncio.sleep(0.05)
        assert (await rig.client.videos.list()).data == []
        async with asyncio.timeout(10):
            while not read_report(database, None)[0].voided:
                await asyncio.sleep(0.05)
