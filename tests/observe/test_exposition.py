import subprocess

import pytest
from prometheus_client import CollectorRegistry, Info
from prometheus_client.exposition import choose_encoder
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics

from router.observe.families import PREFIX
from router.observe.metrics import Metrics
from tests.observe import scenes
from tests.prometheus import require


def test_openmetrics_is_spoken_to_those_who_ask_for_it():
    metrics = Metrics(scenes.catalog_of())
    body, content_type = metrics.exposition(
        "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;q=0.5"
    )
    assert content_type.startswith("application/openmetrics-text; version=1.0.0")
    assert body.endswith(b"# EOF\n")
    assert {family.name for family in parse_openmetrics(body.decode())} >= {f"{PREFIX}_attempts", f"{PREFIX}_cost_usd"}
    assert b"_created" not in body
    assert metrics.exposition("*/*")[1].startswith("text/plain")


ACCEPTED = (
    "text/plain;version=0.0.4",
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;q=0.5",
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
    "application/openmetrics-text;version=2.0.0",
    "text/plain;version=1.0.0;escaping=values",
    "*/*",
)


def without_the_process(body: bytes) -> list[bytes]:
    """The lines but those of the process, whose CPU time goes on."""
    return [line for line in body.splitlines(keepends=True) if not line.startswith(b"process_")]


@pytest.mark.parametrize("accept", ACCEPTED)
def test_a_page_is_the_librarys_to_the_byte(accept: str):
    metrics = Metrics(scenes.catalog_of())
    encode, content_type = choose_encoder(accept)
    for route in ("/v1/models", "/v1/a\\b", '/v1/"', "/v1/\n", "/v1/影片"):
        metrics.observe_request(route, "GET", 200, 0.01, scenes.TRACE_PARENT)
        metrics.observe_request(route, "GET", 200, 123_456_789.5)
        assert metrics.exposition(accept)[1] == content_type
    for events in ((), scenes.a_day(), scenes.delivery()):
        for event in events:
            metrics.listeners.hear(event)
        body, expected = metrics.exposition(accept)[0], encode(metrics.registry)
        assert without_the_process(body) == without_the_process(expected)
    assert b"trace_id" in body or "openmetrics" not in accept


@pytest.mark.parametrize("accept", ACCEPTED)
def test_what_is_of_no_kind_of_ours_is_shown_as_the_library_shows_it(accept: str):
    registry = CollectorRegistry()
    metrics = Metrics(scenes.catalog_of(), registry)
    Info("build", "Of another kind.", registry=registry).info({"version": "1"})
    body, _ = metrics.exposition(accept)
    assert without_the_process(body) == without_the_process(choose_encoder(accept)[0](registry))
    assert b"build_info{" in body


def test_promtool_finds_nothing_to_complain_about():
    promtool = require("promtool")
    metrics = Metrics(scenes.catalog_of())
    for event in scenes.a_day():
        metrics.listeners.hear(event)
    metrics.observe_request("/v1/models", "GET", 200, 0.01)
    body, _ = metrics.exposition("text/plain")
    checked = subprocess.run([promtool, "check", "metrics"], check=False, input=body, capture_output=True, timeout=30)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")
