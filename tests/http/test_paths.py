"""What is served where, and how a caller is asked for a body that he holds back."""

import asyncio

import pytest
from aiohttp import hdrs, web

from router.http.paths import UNMATCHED, Paths, Resource
from tests.http.doors import an_open_door

BODY = b'{"prompt": "x"}'


async def nobody(*_: object) -> web.StreamResponse:
    return web.Response()


PATHS = Paths(
    [
        Resource("/v1/videos", {hdrs.METH_POST: nobody, hdrs.METH_GET: nobody}),
        Resource("/v1/videos/{video_id:(?!quote$)[^/]+}", {hdrs.METH_GET: nobody}),
        Resource("/v1/videos/{video_id}/content", {hdrs.METH_GET: nobody}),
        Resource("/v1/models/{model:.+}", {hdrs.METH_GET: nobody}),
        Resource("/hooks/{provider}/{token}", {hdrs.METH_POST: nobody}, framed=False),
    ]
)


@pytest.mark.parametrize(
    ("method", "path", "span_name", "parts"),
    [
        ("GET", "/v1/videos", "GET /v1/videos", ()),
        ("HEAD", "/v1/videos/video_1", "HEAD /v1/videos/{video_id}", ("video_1",)),
        ("GET", "/v1/videos/a%2Fb/content", "GET /v1/videos/{video_id}/content", ("a/b",)),
        ("GET", "/v1/models/maker/model%252F1", "GET /v1/models/{model}", ("maker/model%2F1",)),
        ("POST", "/hooks/relay/secret", "POST /hooks/{provider}/{token}", ("relay", "secret")),
        ("GET", "/v1/videos/quote", f"GET {UNMATCHED}", ()),
        ("GET", "/v1/videos/", f"GET {UNMATCHED}", ()),
        ("GET", "", f"GET {UNMATCHED}", ()),
        ("BREW", "/v1/videos", f"other {UNMATCHED}", ()),
        ("DELETE", "/v1/videos", f"DELETE {UNMATCHED}", ()),
    ],
)
def test_a_path_has_the_template_that_it_is_counted_by_and_its_parts(
    method: str, path: str, span_name: str, parts: tuple[str, ...]
) -> None:
    endpoint, found = PATHS.at(method, path)
    assert (endpoint.span_name, found) == (span_name, parts)
    assert endpoint.framed is not span_name.endswith("{token}")


async def sent(url: str, expected: str, version: str = "1.1") -> tuple[bytes, bytes]:
    """Send the head of a create, and its body once something has come; return what came before and after."""
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = (f"POST /v1/videos HTTP/{version}", "Host: 127.0.0.1", f"Expect: {expected}", "Connection: close")
    body = (f"Content-Length: {len(BODY)}", "Content-Type: application/json", "", "")
    writer.write("\r\n".join((*head, *body)).encode())
    before = await reader.readuntil(b"\r\n\r\n") if version == "1.1" else b""
    writer.write(BODY)
    after = await reader.read()
    writer.close()
    await writer.wait_closed()
    return before, after


async def test_a_caller_who_waits_to_be_asked_for_his_body_is_asked() -> None:
    async with an_open_door() as opened:
        before, after = await sent(opened.url, "100-Continue")
        assert before == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert after.startswith(b"HTTP/1.1 200 OK")
        assert len(opened.engine.orders) == 1


async def test_a_caller_who_expects_anything_else_is_turned_down() -> None:
    async with an_open_door() as opened:
        before, _ = await sent(opened.url, "wonders")
        assert before.startswith(b"HTTP/1.1 417 Expectation Failed")
        assert b"\r\nServer: video-router\r\n" in before
        assert not opened.engine.orders


async def test_an_old_client_that_expects_something_is_served_without_it() -> None:
    async with an_open_door() as opened:
        _, after = await sent(opened.url, "100-continue", version="1.0")
        assert b" 200 OK\r\n" in after
