import subprocess

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


def test_promtool_finds_nothing_to_complain_about():
    promtool = require("promtool")
    metrics = Metrics(scenes.catalog_of())
    for event in scenes.a_day():
        metrics.observe(event)
    metrics.observe_request("/v1/models", "GET", 200, 0.01)
    body, _ = metrics.exposition("text/plain")
    checked = subprocess.run([promtool, "check", "metrics"], check=False, input=body, capture_output=True, timeout=30)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")
