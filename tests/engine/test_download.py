import asyncio
import gzip
import logging
from contextlib import AsyncExitStack

import pytest

from providers.adapter import HttpRequest
from router.core.events import ExchangeResult, Operation
from router.engine import answer, sessions
from router.engine.exchange import ContentError
from router.engine.verification import Verified, verify
from tests.engine import chaos
from tests.engine.chaos import answering, http, unused_port
from tests.engine.outside import KEY, SIGNATURE, Outside, outside

OWN = HttpRequest("GET", "/v1/videos/1/content", {"sig": SIGNATURE})
MOOV = b"\0\0\0\x1amoov" + b"\0\0\0\x09mvhdm" + b"\0\0\0\x09trakt"
VIDEO = b"\0\0\0\x10ftypisom\0\0\0\0" + MOOV + b"\0\0\0\x0cmdatdddd"


@pytest.fixture(autouse=True)
def canaries(caplog):
    caplog.set_level(logging.DEBUG)
    yield
    assert KEY not in caplog.text
    assert SIGNATURE not in caplog.text


async def fetch(out: Outside, request: HttpRequest, **headers: str) -> tuple[int, dict[str, str], bytes]:
    conditional = {name.replace("_", "-"): value for name, value in headers.items()}
    async with out.transport.open("relay", request, conditional) as stream:
        return stream.status, dict(stream.headers), b"".join([chunk async for chunk in stream.chunks])


async def failure(out: Outside, request: HttpRequest) -> str:
    with pytest.raises(ContentError) as failed:
        await fetch(out, request)
    text = f"{failed.value} {failed.value!r} {failed.value.__context__} {failed.value.__cause__} {out.events}"
    assert KEY not in text
    assert SIGNATURE not in text
    return str(failed.value)


def results(out: Outside) -> list[ExchangeResult]:
    assert all(event.operation is Operation.DOWNLOAD for event in out.events)
    return [event.result for event in out.events]


async def test_a_video_of_the_providers_own_is_fetched_with_the_key():
    video = answering(http(200, VIDEO, Content_Type="video/mp4"))
    async with chaos.chaos(video) as server, outside(server.url) as out:
        status, headers, body = await fetch(out, OWN)
        assert (status, headers["content-type"], body) == (200, "video/mp4", VIDEO)
        assert f"Authorization: Bearer {KEY}\r\n".encode() in server.requests[0]
        assert results(out) == [ExchangeResult.OK]


async def test_a_video_can_be_verified_while_it_streams():
    async with (
        chaos.chaos(answering(http(200, VIDEO))) as server,
        outside(server.url) as out,
        out.transport.open("relay", OWN, {}) as stream,
    ):
        assert await verify(stream) == Verified("video/mp4", len(VIDEO))


async def test_only_harmless_headers_are_passed_on():
    harmless = {
        "Content_Type": "video/mp4",
        "Content_Range": "bytes 0-3/9",
        "Accept_Ranges": "bytes",
        "ETag": '"1"',
        "Last_Modified": "Sun, 22 Nov 2026 00:00:00 GMT",
    }
    harmful = {"Set_Cookie": "a=b", "Location": "https://x.example", "X_Internal": "1", "Server": "s"}
    async with chaos.chaos(answering(http(206, b"abcd", **harmless, **harmful))) as server, outside(server.url) as out:
        status, headers, _ = await fetch(out, OWN)
        assert status == 206
        assert set(headers) == {name.lower().replace("_", "-") for name in harmless} | {"content-length"}


async def test_range_and_if_range_are_passed_and_nothing_else_of_the_caller():
    async with chaos.chaos(answering(http(206, b"abcd"))) as server, outside(server.url) as out:
        await fetch(out, OWN, Range="bytes=0-3", If_Range='"1"', Authorization="Bearer of the caller", Cookie="a=b")
        [wire] = server.requests
        assert b"Range: bytes=0-3\r\n" in wire
        assert b'If-Range: "1"\r\n' in wire
        assert b"of the caller" not in wire
        assert b"Cookie" not in wire


@pytest.mark.parametrize("status", [304, 404, 416, 500])
async def test_any_other_status_is_handed_on_and_counted_as_an_error(status):
    async with chaos.chaos(answering(http(status, b""))) as server, outside(server.url) as out:
        assert (await fetch(out, OWN))[0] == status
        assert results(out) == [ExchangeResult.ERROR]


async def test_chunks_are_bounded_however_fast_they_come():
    body = bytes(3 << 20)
    async with (
        chaos.chaos(answering(http(200, body))) as server,
        outside(server.url) as out,
        out.transport.open("relay", OWN, {}) as stream,
    ):
        lengths = [len(chunk) async for chunk in stream.chunks]
        assert sum(lengths) == len(body)
        assert max(lengths) <= 1 << 19


async def test_a_slow_reader_slows_the_server_down_and_does_not_time_out():
    sent = 0

    async def pour(visit: chaos.Visit) -> None:
        nonlocal sent
        await visit.read_request()
        await visit.write(b"HTTP/1.1 200 OK\r\nContent-Length: 67108864\r\n\r\n")
        for _ in range(1024):
            await visit.write(bytes(1 << 16))
            sent += 1 << 16

    async with (
        chaos.chaos(pour) as server,
        outside(server.url) as out,
        out.transport.open("relay", OWN, {}) as stream,
    ):
        received = len(await anext(stream.chunks))
        await asyncio.sleep(0.5)
        assert sent < 32 << 20
        async for chunk in stream.chunks:
            received += len(chunk)
        assert received == 64 << 20


async def test_a_slow_drip_is_no_stall():
    async with chaos.chaos(chaos.drip) as server, outside(server.url) as out:
        assert (await fetch(out, OWN))[2] == b"x" * 20


@pytest.mark.parametrize(
    "fault",
    [
        chaos.half_a_body,
        chaos.half_a_chunk,
        chaos.broken_chunking,
        chaos.stall_in_the_body,
        chaos.reset_in_the_body,
    ],
)
async def test_bytes_that_end_too_early_or_stall_break_the_stream(fault):
    async with chaos.chaos(fault) as server, outside(server.url) as out:
        assert await failure(out, OWN)
        assert results(out) == [ExchangeResult.NO_ANSWER]


@pytest.mark.parametrize("fault", [chaos.stall, chaos.close_after_reading, chaos.half_the_headers, chaos.not_http])
async def test_a_download_without_an_answer_fails(fault):
    async with chaos.chaos(fault) as server, outside(server.url) as out:
        assert await failure(out, OWN)
        assert results(out) == [ExchangeResult.NO_ANSWER]


async def test_a_refused_download_was_not_sent():
    async with outside(f"http://127.0.0.1:{unused_port()}") as out:
        assert await failure(out, OWN) == "no connection: connection refused"
        assert results(out) == [ExchangeResult.NOT_SENT]


async def test_a_video_that_comes_compressed_against_our_wish_is_refused():
    bomb = answering(http(200, gzip.compress(VIDEO), Content_Encoding="gzip"))
    async with chaos.chaos(bomb) as server, outside(server.url) as out:
        assert await failure(out, OWN) == "the answer came compressed"


async def test_an_endless_download_is_cut(monkeypatch):
    monkeypatch.setattr(answer, "DOWNLOAD_BYTES_MAX", 1 << 20)
    async with chaos.chaos(answering(http(200, bytes(2 << 20)))) as server, outside(server.url) as out:
        assert await failure(out, OWN) == "the video is longer than 1048576 bytes"


async def test_a_reader_that_leaves_early_closes_the_connection_and_blames_nobody():
    gone = asyncio.Event()

    async def pour(visit: chaos.Visit) -> None:
        await visit.read_request()
        try:
            await visit.write(b"HTTP/1.1 200 OK\r\n\r\n")
            while True:
                await visit.write(bytes(1 << 16))
        except ConnectionError:
            gone.set()

    async with chaos.chaos(pour) as server, outside(server.url) as out:
        async with out.transport.open("relay", OWN, {}) as stream:
            await anext(stream.chunks)
        await asyncio.wait_for(gone.wait(), 5)
        assert results(out) == [ExchangeResult.OK]


# Redirects


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("header", ["Authorization", "X-Api-Key", "api-key"])
async def test_a_redirect_is_followed_without_the_key(status, header):
    async with chaos.chaos(answering(http(200, VIDEO))) as cdn:
        redirect = answering(http(status, Location=f"{cdn.url}/a%2fb?sig=%3d{SIGNATURE}"))
        exempt = frozenset({cdn.host_port})
        async with chaos.chaos(redirect) as server, outside(server.url, header=header, asset_hosts=exempt) as out:
            assert (await fetch(out, OWN, Range="bytes=0-"))[2] == VIDEO
            assert KEY.encode() in server.requests[0]
            assert cdn.requests[0].startswith(f"GET /a%2fb?sig=%3d{SIGNATURE} HTTP/1.1".encode())
            assert KEY.encode() not in cdn.requests[0]
            assert header.lower().encode() not in cdn.requests[0].lower()
            assert b"Range: bytes=0-" in cdn.requests[0]
            assert results(out) == [ExchangeResult.OK]


@pytest.mark.parametrize(
    "location",
    ["http://127.0.0.1:{port}/x", "https://127.0.0.1:{port}/x", "https://[::1]/x", "//127.0.0.1:{port}/x", "file:///x"],
)
async def test_a_redirect_to_the_inside_is_refused(location):
    async with chaos.chaos(answering(http(200, b"secret"))) as inside:
        redirect = answering(http(302, Location=location.format(port=inside.port)))
        async with chaos.chaos(redirect) as server, outside(server.url) as out:
            assert (await failure(out, OWN)).startswith("the link ")
            assert inside.visits == 0


async def test_a_redirect_on_the_providers_own_host_is_guarded_like_any_other():
    async with chaos.chaos(answering(http(302, Location="/elsewhere"))) as server, outside(server.url) as out:
        assert await failure(out, OWN) == "the link must start with https://"
        assert server.visits == 1


@pytest.mark.parametrize(("hops", "fetched"), [(3, True), (4, False)])
async def test_three_redirects_are_followed_and_a_fourth_is_not(hops, fetched):
    redirects = [answering(http(302, Location=f"/{hop}")) for hop in range(hops)]
    async with (
        chaos.chaos(*redirects, answering(http(200, VIDEO))) as server,
        outside(server.url, asset_hosts=frozenset({server.host_port})) as out,
    ):
        if fetched:
            assert (await fetch(out, OWN))[2] == VIDEO
        else:
            assert await failure(out, OWN) == "redirected more than 3 times"
        assert sum(KEY.encode() in request for request in server.requests) == 1


async def test_an_absolute_link_that_redirects_inside_is_refused():
    async with chaos.chaos(answering(http(200))) as inside:
        redirect = answering(http(302, Location=inside.url))
        async with chaos.chaos(redirect) as cdn, outside(cdn.url, asset_hosts=frozenset({cdn.host_port})) as out:
            await failure(out, HttpRequest("GET", f"{cdn.url}/a?sig={SIGNATURE}"))
            assert inside.visits == 0
            assert KEY.encode() not in cdn.requests[0]


async def test_a_redirect_without_a_location_is_an_answer():
    async with chaos.chaos(answering(http(302))) as server, outside(server.url) as out:
        assert (await fetch(out, OWN))[0] == 302


async def test_callers_who_read_slowly_hold_no_connection_that_the_engine_needs(monkeypatch):
    monkeypatch.setattr(sessions, "_CONNECTIONS_MAX", 3)

    async def endless_at_first(visit: chaos.Visit) -> None:
        await visit.read_request()
        if server.visits <= 3:
            await visit.write(b"HTTP/1.1 200 OK\r\n\r\n")
            await chaos.forever()
        await visit.write(http(200, VIDEO))

    async with chaos.chaos(endless_at_first) as server, outside(server.url) as out, AsyncExitStack() as callers:
        for _ in range(3):
            await callers.enter_async_context(out.transport.open("relay", OWN, {}, for_caller=True))
        with pytest.raises(ContentError, match="no connection in time") as full:
            await callers.enter_async_context(out.transport.open("relay", OWN, {}, for_caller=True))
        assert full.value.ours
        assert (await fetch(out, OWN))[2] == VIDEO


async def whose(out: Outside, link: str) -> str:
    with pytest.raises(ContentError) as failed:
        await fetch(out, HttpRequest("GET", link))
    return "ours" if failed.value.ours else "theirs"


async def test_a_link_that_we_refuse_is_our_failure_and_a_host_that_refuses_us_is_not():
    async with chaos.chaos(answering(http(302, Location="/inside"))) as server, outside(server.url) as out:
        assert await whose(out, f"{server.url}/a.mp4") == "ours"
        assert await whose(out, "https://127.0.0.1/a.mp4") == "ours"
        assert server.visits == 0
    closed = f"127.0.0.1:{unused_port()}"
    async with outside(f"http://{closed}", asset_hosts=frozenset({closed})) as out:
        assert await whose(out, f"http://{closed}/a.mp4") == "theirs"
