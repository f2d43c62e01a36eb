"""What an operator's command asks of a router: done, refused in the router's own words, or not known."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import orjson
import pytest

from router.top.endpoint import Endpoint, NoAnswerError, RefusedError


@contextmanager
def answering(status: int, body: bytes, cut_off: int = 0) -> Iterator[tuple[str, list[bytes]]]:
    """Listen on a real socket, answer every POST alike, and keep what was asked."""
    asked: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) - cut_off])

        def log_message(self, *_args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_what_was_done_is_answered() -> None:
    with answering(200, b'{"object": "done"}') as (url, asked):
        assert Endpoint(url).post("/admin/x", {"note": "é"}) == b'{"object": "done"}'
    assert [orjson.loads(each) for each in asked] == [{"note": "é"}]


def test_a_refusal_is_told_in_the_routers_own_words() -> None:
    body = orjson.dumps({"error": {"message": "the money of that attempt is still open", "code": "open"}})
    with answering(409, body) as (url, _), pytest.raises(RefusedError, match=r"^the money of that attempt is still"):
        Endpoint(url).post("/admin/x", {})


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error": "no"}', b'{"error": {"message": 3}}'])
def test_an_error_of_something_else_names_the_address(body: bytes) -> None:
    with answering(404, body) as (url, _), pytest.raises(RefusedError, match=rf"{url} answers HTTP 404; name with"):
        Endpoint(url).post("/admin/x", {})
    with answering(500, body) as (url, _), pytest.raises(NoAnswerError, match="did not say so: it answers HTTP 500"):
        Endpoint(url).post("/admin/x", {})


def test_a_redirect_is_not_followed() -> None:
    with answering(307, b"") as (url, asked):
        with pytest.raises(RefusedError, match="HTTP 307"):
            Endpoint(url).post("/admin/x", {})
        assert len(asked) == 1


def test_where_nobody_listens_nothing_was_done() -> None:
    with pytest.raises(RefusedError, match="cannot be reached: nothing listens there"):
        Endpoint("http://127.0.0.1:1").post("/admin/x", {})


def test_an_answer_that_is_cut_off_leaves_open_whether_it_was_done() -> None:
    with answering(200, b"{}", cut_off=1) as (url, _), pytest.raises(NoAnswerError, match="look before you repeat it"):
        Endpoint(url).post("/admin/x", {})
