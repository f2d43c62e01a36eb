"""JSON is the same whoever writes it: the router itself on a kept connection, aiohttp on any other."""

import asyncio

import pytest
from aiohttp import hdrs

from tests.http.doors import MemoryEngine, an_open_door

PATHS = ("/v1/videos/video_0000", "/v1/videos", "/v1/models")


async def asked(url: str, *requests: str) -> bytes:
    """Send everything at once, and return all that comes until the connection is closed."""
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write("".join(requests).encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


def request_of(path: str, *headers: str, method: str = hdrs.METH_GET, version: str = "1.1") -> str:
    lines = (f"{method} {path} HTTP/{version}", "Host: 127.0.0.1", "x-request-id: mine", *headers)
    return "".join(f"{line}\r\n" for line in (*lines, ""))


def parted(answer: bytes) -> tuple[str, dict[str, str], bytes]:
    """Part an answer into its status line, its headers but the date, and its body."""
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    assert headers.pop("date").endswith(" GMT")
    return status, headers, body


@pytest.mark.parametrize("path", PATHS)
async def test_a_kept_connection_is_told_the_same_as_one_that_is_closed(path: str) -> None:
    engine = MemoryEngine()
    engine.add()
    last = request_of("/v1/models", "Connection: close")
    async with an_open_door(engine) as opened:
        whole = await asked(opened.url, request_of(path), last)
        kept, _, _ = whole.rpartition(b"HTTP/1.1 200 OK")
        closed = await asked(opened.url, request_of(path, "Connection: close"))
    status, headers, body = parted(closed)
    assert headers.pop("connection") == "close"
    assert parted(kept) == (status, headers, body)
    assert (status, headers["x-request-id"], headers["server"]) == ("HTTP/1.1 200 OK", "mine", "video-router")
    assert int(headers["content-length"]) == len(body)


async def test_an_old_client_that_keeps_its_connection_is_told_that_it_may() -> None:
    engine = MemoryEngine()
    engine.add()
    async with an_open_door(engine) as opened:
        kept = request_of(PATHS[0], "Connection: keep-alive", version="1.0")
        answer = await asked(opened.url, kept, request_of("/v1/models", version="1.0"))
    assert b"connection: keep-alive" in answer.partition(b"\r\n\r\n")[0].lower()
    assert answer.count(b"200 OK") == 2


async def test_asking_for_the_head_alone_gets_no_body() -> None:
    engine = MemoryEngine()
    engine.add()
    async with an_open_door(engine) as opened:
        head = request_of(PATHS[0], "Connection: close", method=hdrs.METH_HEAD)
        status, headers, body = parted(await asked(opened.url, head))
        _, _, document = parted(await asked(opened.url, request_of(PATHS[0], "Connection: close")))
    assert (status, body, int(headers["content-length"])) == ("HTTP/1.1 200 OK", b"", len(document))


async def test_requests_that_come_at_once_are_answered_in_their_order() -> None:
    engine = MemoryEngine()
    jobs = [engine.add() for _ in range(3)]
    requests = [request_of(f"/v1/videos/{job.id}") for job in jobs]
    async with an_open_door(engine) as opened:
        answer = await asked(opened.url, *requests, request_of("/v1/models", "Connection: close"))
    places = [answer.index(f'"id":"{job.id}"'.encode()) for job in jobs]
    assert places == sorted(places)
