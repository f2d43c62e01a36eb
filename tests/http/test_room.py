"""What callers may hold at once, and that it is given back however a request ends."""

import asyncio
import hashlib
from asyncio import StreamWriter
from contextlib import AsyncExitStack

import pytest
from aiohttp import ClientResponse

from router.core.limits import Caller
from tests.http.doors import Bytes, MemoryEngine, Opened, an_open_door

BODY_BYTES_MAX = 16_384
KEYS = {name: {"Authorization": f"Bearer {name}"} for name in ("alice", "bob")}
CALLERS = tuple(Caller(name, hashlib.sha256(name.encode()).hexdigest()) for name in KEYS)


def paths(engine: MemoryEngine) -> dict[str, str]:
    return {name: f"/v1/videos/{engine.completed(name).id}/content" for name in KEYS}


async def turned_away(response: ClientResponse, code: str) -> str:
    """Check the envelope of a wait, and return its words."""
    assert response.status == 503
    error = (await response.json())["error"]
    assert (error["type"], error["code"]) == ("server_error", code)
    assert int(response.headers["Retry-After"]) >= 1
    return str(error["message"])


async def test_a_caller_holds_so_many_downloads_and_others_still_have_theirs() -> None:
    engine = MemoryEngine(source=Bytes(endless=True))
    path = paths(engine)
    async with an_open_door(engine, CALLERS, streams_per_caller_max=2) as opened, AsyncExitStack() as held:
        get, url = opened.session.get, opened.url
        first = [await held.enter_async_context(get(url + path["alice"], headers=KEYS["alice"])) for _ in range(2)]
        assert [response.status for response in first] == [200, 200]
        async with get(url + path["alice"], headers=KEYS["alice"]) as response:
            assert "your downloads are open as may be (2)" in await turned_away(response, "too_many_downloads")
        async with opened.session.head(url + path["alice"], headers=KEYS["alice"]) as response:
            assert response.status == 200
        async with get(url + path["bob"], headers=KEYS["bob"]) as response:
            assert response.status == 200
            response.close()


async def test_all_callers_together_hold_so_many_downloads() -> None:
    engine = MemoryEngine(source=Bytes(endless=True))
    path = paths(engine)
    async with an_open_door(engine, CALLERS, streams_max=1) as opened:
        async with opened.session.get(opened.url + path["alice"], headers=KEYS["alice"]) as held:
            async with opened.session.get(opened.url + path["bob"], headers=KEYS["bob"]) as response:
                assert "(1)" in await turned_away(response, "too_many_downloads")
            held.close()
        await until_served(opened, path["bob"])


@pytest.mark.parametrize("source", [Bytes(), Bytes(status=403), Bytes(cut_after=1), None])
async def test_a_download_that_is_over_makes_room_however_it_ended(source: Bytes | None) -> None:
    engine = MemoryEngine(source=source)
    path = paths(engine)["alice"]
    async with an_open_door(engine, CALLERS, streams_max=1) as opened:
        async with opened.session.get(opened.url + path, headers=KEYS["alice"]) as response:
            await response.content.read(1)
            response.close()
        engine.source = Bytes()
        engine.completed("bob")
        await until_served(opened, path, "alice")


async def until_served(opened: Opened, path: str, caller: str = "bob") -> None:
    """A hang-up is noticed a moment later, and then there is room."""
    async with asyncio.timeout(5):
        while True:
            async with opened.session.get(opened.url + path, headers=KEYS[caller]) as response:
                if response.status == 200:
                    response.close()
                    return
            await asyncio.sleep(0.02)


async def an_unfinished_body(opened: Opened, size: int) -> StreamWriter:
    host, _, port = opened.url.removeprefix("http://").partition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    head = f"POST /v1/videos HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {size + 1}"
    writer.write(f"{head}\r\n\r\n".encode() + b" " * size)
    await writer.drain()
    return writer


async def test_bodies_being_read_share_a_room_that_is_given_back() -> None:
    async with an_open_door(body_bytes_max=BODY_BYTES_MAX) as opened:
        writers = [await an_unfinished_body(opened, BODY_BYTES_MAX - 1) for _ in range(8)]
        async with asyncio.timeout(5):
            while (response := await created(opened)).status == 200:
                await asyncio.sleep(0.02)
        assert "large bodies" in await turned_away(response, "router_unavailable")
        for writer in writers:
            writer.transport.abort()
        async with asyncio.timeout(5):
            while (await created(opened)).status != 200:
                await asyncio.sleep(0.02)
        for _ in range(40):
            assert (await created(opened)).status == 200


async def created(opened: Opened) -> ClientResponse:
    async with opened.session.post(f"{opened.url}/v1/videos", json={"prompt": "x" * 8000}) as response:
        await response.read()
        return response
