"""Overviews to look at, and a listener that serves them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import orjson

from providers.canonical import Failure, Reason, Stage
from router.core.events import Event
from router.core.overview import Breakers, Overview
from tests.observe import scenes
from tests.observe.test_board import shown


def a_day() -> Overview:
    """A router after a day of everything."""
    return replace(shown(_events()), version="1.2.3")


def _events() -> Iterator[Event]:
    for provider in ("p0", "p1"):
        for model in scenes.MODELS:
            yield from scenes.delivery(provider, model)
        yield from scenes.waiting(provider)
    yield from scenes.rescue()
    yield from scenes.rescue(Stage.OUTPUT_REVIEW, Reason.REFUSED)
    yield from scenes.billed_refusal()
    yield from scenes.lost_answer()
    yield from scenes.late_duplicate()
    yield from scenes.late_duplicate(known=False)
    yield scenes.failed(scenes.job_of(), Failure(Stage.ROUTE, Reason.NO_CANDIDATE))[1]


def in_trouble() -> Overview:
    """The same while its first provider is ejected, full and out."""
    overview = a_day()
    first, *others = overview.providers
    barred = "is out for another 840 s: its key was refused"
    ejected = replace(
        first,
        breakers=Breakers("open", "half_open", "closed"),
        in_flight=12,
        in_flight_limit=12,
        barred=barred,
        out_s=840.0,
        out_reason="auth",
    )
    return replace(overview, ready=False, providers=(ejected, *others))


@contextmanager
def serving(answer: bytes, status: int = 200, port: int = 0, headers: dict[str, str] | None = None) -> Iterator[str]:
    """Serve one answer at every path."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def body_of(overview: Overview) -> bytes:
    return orjson.dumps(overview)
