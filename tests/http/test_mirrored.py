"""Videos of the mirror through the front door: the kernel sends them, and a caller sees what streaming would show."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientPayloadError, ClientSession, web

from router.core.limits import MirrorSettings
from router.engine.mirror_file import KeptFile
from router.http import content
from tests.engine.scripted import MOOV, box
from tests.engine.wire import Wired, wired
from tests.http.doors import an_open_door

VIDEO = box(b"ftyp", b"isom\0\0\0\0isom") + MOOV + box(b"mdat", bytes(range(256)) * (24 << 12))
LENGTH = len(VIDEO)


@dataclass
class Shop:
    router: Wired
    session: ClientSession
    url: str
    spans: list[Any]
    file: Path


async def a_long_file(_: web.Request) -> web.StreamResponse:
    return web.Response(body=VIDEO, content_type="video/mp4")


@asynccontextmanager
async def a_shop(folder: Path) -> AsyncIterator[Shop]:
    """A door before a real engine, with one job whose video of 24 MiB is in the mirror and nowhere else."""
    async with AsyncExitStack() as stack:
        router = await stack.enter_async_context(wired())
        stack.push_async_callback(router.mirror.close)
        router.mirror.use(MirrorSettings(folder / "mirror", free_bytes_min=0))
        router.upstream.files["it"] = a_long_file
        router.upstream.names(router.upstream.link("it"))
        job = await router.made()
        del router.upstream.files["it"]
        opened = await stack.enter_async_context(an_open_door(router.engine, streams_per_caller_max=50))  # type: ignore[arg-type]
        url = f"{opened.url}/v1/videos/{job.id}/content"
        yield Shop(router, opened.session, url, opened.spans, folder / "mirror" / f"{job.id}-1.video")


@pytest.fixture
def sent_by_kernel(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many bytes each call to the kernel sent."""
    sent: list[int] = []
    send = KeptFile.send

    async def counted(file: KeptFile) -> int:
        sent.append(await send(file))
        return sent[-1]

    monkeypatch.setattr(KeptFile, "send", counted)
    return sent


async def test_a_kept_video_is_sent_by_the_kernel_and_the_upstream_is_not_asked(
    tmp_path: Path, sent_by_kernel: list[int]
) -> None:
    async with a_shop(tmp_path) as shop:
        async with shop.session.get(shop.url) as response:
            assert (response.status, response.content_type) == (200, "video/mp4")
            assert response.headers["Content-Length"] == str(LENGTH)
            assert response.headers["ETag"] == '"video_1"'
            assert response.headers["Accept-Ranges"] == "bytes"
            assert response.headers["Content-Disposition"] == 'attachment; filename="video_1.mp4"'
            assert await response.read() == VIDEO
        async with asyncio.timeout(5):
            # The caller may have it all before the thread that sent it has told.
            while shop.spans[0].contents[0].content_bytes is None:
                await asyncio.sleep(0.005)
        assert sum(sent_by_kernel) == LENGTH
        assert len(shop.router.upstream.fetched) == 1
        assert shop.spans[0].contents[0].content_bytes == LENGTH


async def test_the_connection_is_kept_for_parts_and_heads_and_more(tmp_path: Path) -> None:
    async with a_shop(tmp_path) as shop:
        for _ in range(2):
            async with shop.session.get(shop.url, headers={"Range": "bytes=100-299", "If-Range": '"video_1"'}) as part:
                assert (part.status, part.headers["Content-Range"]) == (206, f"bytes 100-299/{LENGTH}")
                assert await part.read() == VIDEO[100:300]
            async with shop.session.get(shop.url, headers={"Range": f"bytes={LENGTH}-"}) as none:
                assert (none.status, none.headers["Content-Range"]) == (416, f"bytes */{LENGTH}")
                assert (await none.json())["error"]["code"] == "range_not_satisfiable"
            async with shop.session.head(shop.url) as head:
                assert (head.status, head.headers["Content-Length"]) == (200, str(LENGTH))


async def test_another_validator_gets_the_whole_video(tmp_path: Path) -> None:
    async with a_shop(tmp_path) as shop:
        headers = {"Range": "bytes=0-9", "If-Range": '"of-the-upstream"'}
        async with shop.session.get(shop.url, headers=headers) as response:
            assert (response.status, response.headers["Content-Length"]) == (200, str(LENGTH))
            assert await response.read() == VIDEO


async def test_slow_readers_get_everything_and_keep_no_thread_waiting(tmp_path: Path) -> None:
    async with a_shop(tmp_path) as shop, AsyncExitStack() as readers:
        responses = [await readers.enter_async_context(shop.session.get(shop.url)) for _ in range(12)]
        # More than there are threads hold still while another one is served.
        async with asyncio.timeout(10), shop.session.get(shop.url) as response:
            assert await response.read() == VIDEO
        assert await responses[0].read() == VIDEO
        for response in responses[1:]:
            response.close()
        async with asyncio.timeout(10):
            while any(span.contents[0].content_bytes is None for span in shop.spans):
                await asyncio.sleep(0.01)


async def test_a_video_that_is_removed_while_it_is_sent_arrives_whole(tmp_path: Path) -> None:
    async with a_shop(tmp_path) as shop, shop.session.get(shop.url) as response:
        await response.content.readexactly(1000)
        await shop.router.mirror.forget(["video_1-1"])
        assert not shop.file.exists()
        assert len(await response.read()) == LENGTH - 1000


async def test_a_caller_who_reads_nothing_for_long_is_hung_up_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(content, "WRITE_STALL_S", 0.2)
    async with a_shop(tmp_path) as shop:
        async with shop.session.get(shop.url) as response:
            async with asyncio.timeout(10):
                while shop.spans[0].contents[0].error is None:
                    await asyncio.sleep(0.02)
            with pytest.raises(ClientPayloadError):
                await response.read()
        assert isinstance(shop.spans[0].contents[0].error, TimeoutError)


async def test_a_file_that_is_cut_while_it_is_sent_breaks_the_download(tmp_path: Path) -> None:
    async with a_shop(tmp_path) as shop, shop.session.get(shop.url) as response:
        await response.content.readexactly(1000)
        with shop.file.open("r+b") as file:
            file.truncate(1000)
        with pytest.raises(ClientPayloadError):
            await response.read()
