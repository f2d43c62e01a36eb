"""Videos of any length on their way through real sockets: passed on as they come, held by nobody, let go at once."""

import asyncio
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import ClientPayloadError, ClientSession, web

from router.http import content
from tests.engine.scripted import MOOV, box
from tests.engine.wire import Wired, a_video_file, wired
from tests.http.doors import an_open_door

PIECE = bytes(256 << 10)
MIB = 1 << 20


class Long:
    """A file of many MiB that nobody holds; `sent` is how much of it was taken, `under_way` by how many it is read."""

    def __init__(self, pieces: int) -> None:
        self.pieces = pieces
        self.head = box(b"ftyp", b"isom\0\0\0\0isom") + MOOV + (8 + pieces * len(PIECE)).to_bytes(4) + b"mdat"
        self.sent = self.under_way = 0
        self.go_on = asyncio.Event()
        self.go_on.set()

    @property
    def content_bytes(self) -> int:
        return len(self.head) + self.pieces * len(PIECE)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "video/mp4"})
        response.content_length = self.content_bytes
        self.under_way += 1
        try:
            await response.prepare(request)
            await response.write(self.head)
            for _ in range(self.pieces):
                await self.go_on.wait()
                await response.write(PIECE)
                self.sent += len(PIECE)
            await response.write_eof()
        finally:
            self.under_way -= 1
        return response


@dataclass
class Shop:
    router: Wired
    session: ClientSession
    url: str
    spans: list[Any]


@asynccontextmanager
async def a_shop() -> AsyncIterator[Shop]:
    """A door before a real engine, with one job whose video is a short one until a test says otherwise."""
    async with AsyncExitStack() as stack:
        router = await stack.enter_async_context(wired())
        router.upstream.files["it"] = a_video_file
        router.upstream.names(router.upstream.link("it"))
        job = await router.made()
        opened = await stack.enter_async_context(an_open_door(router.engine, streams_per_caller_max=50))  # type: ignore[arg-type]
        yield Shop(router, opened.session, f"{opened.url}/v1/videos/{job.id}/content", opened.spans)


async def until(condition: Any) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


async def test_the_first_bytes_arrive_before_the_upstream_has_any_more() -> None:
    async with a_shop() as shop:
        long = Long(pieces=2)
        long.go_on.clear()
        shop.router.upstream.files["it"] = long.answer
        async with shop.session.get(shop.url) as response:
            assert await response.content.readexactly(len(long.head)) == long.head
            assert response.headers["Content-Length"] == str(long.content_bytes)
            long.go_on.set()
            assert len(await response.read()) == 2 * len(PIECE)


async def test_memory_does_not_grow_with_the_video() -> None:
    async with a_shop() as shop:
        long = Long(pieces=192)
        shop.router.upstream.files["it"] = long.answer
        tracemalloc.start()
        try:
            before, _ = tracemalloc.get_traced_memory()
            async with shop.session.get(shop.url) as response:
                length = 0
                async for chunk in response.content.iter_any():
                    length += len(chunk)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert length == long.content_bytes
        # The upstream and the reader live here, too.
        assert peak - before < 8 * MIB


async def test_many_slow_readers_hold_the_upstream_back_and_are_let_go_at_once() -> None:
    async with a_shop() as shop:
        long = Long(pieces=256)
        shop.router.upstream.files["it"] = long.answer
        async with AsyncExitStack() as readers:
            responses = [await readers.enter_async_context(shop.session.get(shop.url)) for _ in range(50)]
            sent = -1
            async with asyncio.timeout(10):
                while sent != long.sent:
                    sent = long.sent
                    await asyncio.sleep(0.1)
            assert long.under_way == 50
            # The rest is what the kernel takes on both ways.
            assert sent < 50 * long.content_bytes / 2
            for response in responses:
                response.close()
        await until(lambda: long.under_way == 0)
        await until(lambda: all(span.contents[0].content_bytes is not None for span in shop.spans))
        async with shop.session.head(shop.url) as response:
            assert response.status == 200


async def test_an_upstream_that_breaks_off_breaks_its_caller_off() -> None:
    async with a_shop() as shop:
        long = Long(pieces=8)
        long.go_on.clear()
        transports = []

        async def answer(request: web.Request) -> web.StreamResponse:
            transports.append(request.transport)
            return await long.answer(request)

        shop.router.upstream.files["it"] = answer
        async with shop.session.get(shop.url) as response:
            await response.content.readexactly(len(long.head))
            transports[0].abort()
            with pytest.raises(ClientPayloadError):
                await response.read()
        assert shop.spans[0].contents[0].error is not None


async def test_a_caller_who_reads_nothing_for_long_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "WRITE_STALL_S", 0.2)
    async with a_shop() as shop:
        long = Long(pieces=256)
        shop.router.upstream.files["it"] = long.answer
        async with shop.session.get(shop.url) as response:
            await until(lambda: long.under_way == 1)
            await until(lambda: long.under_way == 0)
            with pytest.raises(ClientPayloadError):
                await response.read()
        assert isinstance(shop.spans[0].contents[0].error, TimeoutError)


async def test_a_caller_who_waits_for_the_upstream_is_not_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "WRITE_STALL_S", 0.05)
    async with a_shop() as shop:
        long = Long(pieces=1)
        long.go_on.clear()
        shop.router.upstream.files["it"] = long.answer
        async with shop.session.get(shop.url) as response:
            await response.content.readexactly(len(long.head))
            await asyncio.sleep(0.2)
            long.go_on.set()
            assert len(await response.read()) == len(PIECE)


@pytest.mark.parametrize("length_told", [True, False])
async def test_the_end_of_a_video_that_turns_out_to_be_none_reaches_nobody(length_told: bool) -> None:
    async with a_shop() as shop:
        body = box(b"ftyp", b"isom\0\0\0\0isom") + box(b"free", PIECE)

        async def answer(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse(headers={"Content-Type": "video/mp4"})
            response.content_length = len(body) if length_told else None
            if not length_told:
                response.enable_chunked_encoding()
            await response.prepare(request)
            await response.write(body)
            await response.write_eof()
            return response

        shop.router.upstream.files["it"] = answer
        async with shop.session.get(shop.url) as response:
            with pytest.raises(ClientPayloadError):
                await response.read()
