import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from router.observe.metrics import Metrics
from tests.grafana.queries import PanelQuery, panel_queries
from tests.observe import scenes
from tests.prometheus import Prometheus, numbers, prometheus

MINUTE = {"rate_interval": "60s", "whole_range": "60s"}


@contextmanager
def served(metrics: Metrics) -> Iterator[str]:
    """Serve metrics as the admin listener does; yields host:port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body, content_type = metrics.exposition(self.headers.get("Accept", ""))
            self.send_response(200)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that saw a router idle, then two days' worth of everything, each in a scrape of its own."""
    metrics = Metrics(scenes.catalog_of())
    accepted = "sum(video_router_jobs_accepted_total)"
    with served(metrics) as target, prometheus(tmp_path_factory.mktemp("prometheus"), [target]) as running:
        running.wait_for(accepted)
        for _ in range(2):
            before = running.query(accepted)[0].last
            for event in scenes.a_day():
                metrics.observe(event)
            running.wait_for(accepted, lambda found, before=before: found[0].last > before)  # type: ignore[misc]
        yield running


@pytest.mark.parametrize("query", panel_queries(), ids=str)
def test_a_panel_shows_numbers_once_something_happened(server: Prometheus, query: PanelQuery):
    now = time.time()
    found = server.query_range(query.filled(**MINUTE), now - 30, now)
    assert found
    assert numbers(found)


def test_what_panels_show_is_what_happened(server: Prometheus):
    def at_once(title: str, ref_id: str = "A") -> dict[str, float]:
        (query,) = [each for each in panel_queries() if (each.panel, each.ref_id) == (title, ref_id)]
        return {vector.labels["provider"]: vector.last for vector in server.query(query.filled(**MINUTE))}

    assert at_once("Uncertain now") == pytest.approx({"p0": 1.6, "p1": 1.6})
    assert at_once("Providers side by side", "E")["p1"] == pytest.approx(0.1)
    success = at_once("Providers side by side", "B")
    # p0: 2 delivered of 7 attempts; p1: 6 of 7.
    assert success == pytest.approx({"p0": 2 / 7, "p1": 6 / 7}, abs=0.05)
    assert 60 < at_once("Providers side by side", "C")["p0"] <= 90


def test_breakers_show_as_open(server: Prometheus):
    (query,) = [each for each in panel_queries() if each.panel == "Breakers"]
    states = {tuple(sorted(vector.labels.items())): vector.last for vector in server.query(query.filled())}
    assert states[("breaker", "submit"), ("provider", "p0")] == 2
    assert states[("breaker", "poll"), ("provider", "p0")] == 0


def test_every_variable_has_values(server: Prometheus):
    for label, metric in (("job", "build_info"), ("provider", "jobs_in_flight"), ("model", "jobs_accepted_total")):
        found = server.query(f"count by ({label}) (video_router_{metric})")
        assert found
        assert all(vector.labels[label] for vector in found)
