import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.generate import documents
from grafana.panels import JOBS_INTERVAL
from grafana.promql import ROUTER
from router.observe import families
from router.observe.families import FAMILIES, MetricKind
from tests.grafana.queries import (
    DASHBOARDS,
    PanelQuery,
    all_queries,
    annotation_queries,
    document,
    panel_queries,
    panels,
    panels_of,
)
from tests.prometheus import require

ROOT = Path(__file__).parents[2]
ROUTERS = {"job", "instance"}
# What Prometheus, its rules and the process's own collector add to the catalogue, as far as a dashboard may use it.
FOREIGN = {
    "ALERTS": {"alertname", "alertstate", "severity", "provider", "job"},
    "up": ROUTERS,
    "scrape_duration_seconds": ROUTERS,
    "process_cpu_seconds_total": ROUTERS,
    "process_resident_memory_bytes": ROUTERS,
    "process_open_fds": ROUTERS,
    "process_max_fds": ROUTERS,
    "process_start_time_seconds": ROUTERS,
}
LABELS = FOREIGN | {
    name: {*family.labels, "job", "instance", "le"} for family in FAMILIES for name in family.sample_names
}
COUNTERS = {"process_cpu_seconds_total"} | {
    family.full_name for family in FAMILIES if family.kind is MetricKind.COUNTER
}
QUERIES = all_queries()
# Promises are kept over fixed times, whatever the dashboard shows.
PROMISED_OVER = {
    **dict.fromkeys(("Delivered", "On time", "Creates answered"), ("5m", "1h", "6h", "30d")),
    "Error budget left": ("30d",),
    "Shares kept, over the hour before": ("1h",),
    "On time by duration class, over the hour before": ("1h",),
    "Error budget burn, over the hour before": ("1h",),
}
CHANGING = {"rate", "irate", "increase"}


def nodes(node: Any) -> Iterator[Any]:
    """Walk a parsed expression."""
    yield node
    below = [getattr(node, name, None) for name in ("lhs", "rhs", "expr", "param", "vector_selector")]
    for child in (*below, *(getattr(node, "args", None) or ())):
        if child is not None:
            yield from nodes(child)


def named(node: Any, kind: str) -> list[Any]:
    return [each for each in nodes(node) if type(each).__name__ == kind]


def parsed(query: PanelQuery) -> Any:
    return promql_parser.parse(query.filled())


def test_the_committed_dashboards_are_those_that_the_generator_makes():
    assert {path.name: path.read_text(encoding="utf-8") for path in DASHBOARDS} == documents()


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.name)
def test_a_dashboard_is_all_known_to_its_schema(path: Path):
    read = document(path)
    again = json.loads(JSONEncoder().encode(Dashboard.from_json(read)))
    # The schema leaves to each data source what its annotations hold beside the query.
    for mark in read["annotations"]["list"]:
        assert [mark.pop(name) for name in ("titleFormat", "step")][1] == "60s"
    assert again == read
    assert read["schemaVersion"] == 41
    assert read["uid"]
    assert read["editable"] is False


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.name)
def test_a_dashboard_says_which_question_it_answers(path: Path):
    read = document(path)
    assert read["uid"] == f"video-router-{path.stem}"
    assert read["description"].endswith("?")
    assert read["tags"] == ["video-router"]
    row = f"| [{read['title']}](dashboards/{path.name}) | {read['description']} |"
    assert row in (ROOT / "grafana" / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.name)
def test_every_variable_but_the_data_source_is_read_anew_when_the_range_changes(path: Path):
    variables = document(path)["templating"]["list"]
    names = [each["name"] for each in variables]
    assert names[:3] == ["datasource", "job", "instance"]
    for variable in variables[1:]:
        assert variable["refresh"] == 2
        assert variable["datasource"]["uid"] == "${datasource}"
        assert variable["multi"]
        assert variable["includeAll"]
        metric, label = re.fullmatch(r"label_values\((\w+)(?:\{.*\})?, (\w+)\)", variable["query"]).groups()  # type: ignore[union-attr]
        assert label in LABELS[metric]


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.name)
def test_a_dashboard_has_the_variables_that_its_queries_use_and_no_other(path: Path):
    read = document(path)
    names = {each["name"] for each in read["templating"]["list"]}
    used = set(re.findall(r"\$\{?([a-z]+)\b", json.dumps([read["panels"], read["templating"], read["annotations"]])))
    assert used == names


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.name)
def test_links_lead_to_dashboards_that_exist_and_keep_time_and_variables(path: Path):
    read = document(path)
    every = {f"/d/{document(other)['uid']}" for other in DASHBOARDS}
    assert {link["url"] for link in read["links"]} == every - {f"/d/{read['uid']}"}
    assert all(link["keepTime"] and link["includeVars"] and link["tooltip"].endswith("?") for link in read["links"])
    for url in re.findall(r'"url": "([^"]+)"', json.dumps(read["panels"])):
        assert url.split("?")[0] in every
        assert "${__url_time_range}" in url
        assert set(url.split("&")[1:4]) == {f"${{{name}:queryparam}}" for name in ("datasource", "job", "instance")}


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.name)
def test_breaker_moves_and_reloads_are_marked_in_words(path: Path):
    marks = document(path)["annotations"]["list"]
    assert [mark["name"] for mark in marks] == [
        *("Breaker opened", "Breaker closed"),
        *("Configuration reloaded", "Configuration refused"),
    ]
    assert len({mark["iconColor"] for mark in marks}) == len(marks)
    for mark in marks:
        assert mark["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        kept = set(re.findall(r"by \(([^)]*)\)", mark["expr"])[0].split(", "))
        assert set(re.findall(r"{{(\w+)}}", mark["titleFormat"])) <= kept


def test_panels_have_ids_of_their_own_and_do_not_overlap():
    for path in DASHBOARDS:
        ids, cells = set(), set()
        for panel in document(path)["panels"]:
            assert panel["id"] not in ids
            ids.add(panel["id"])
            at = panel["gridPos"]
            assert at["x"] + at["w"] <= 24
            covered = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
            assert not covered & cells, panel["title"]
            cells |= covered


def test_titles_differ_within_a_dashboard():
    for path in DASHBOARDS:
        titles = [panel["title"] for panel in panels_of(path)]
        assert len(titles) == len(set(titles))


@pytest.mark.parametrize(
    "panel",
    [pytest.param(panel, id=f"{path.stem}: {panel['title']}") for path in DASHBOARDS for panel in panels_of(path)],
)
def test_a_panel_explains_itself(panel: dict[str, Any]):
    defaults = panel["fieldConfig"]["defaults"]
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert defaults["unit"]
    assert defaults["noValue"].endswith(".")
    assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    assert panel["options"]
    assert [target["refId"] for target in panel["targets"]] == list("ABCDEFGHIJ"[: len(panel["targets"])])
    for target in panel["targets"]:
        assert target["datasource"]["uid"] == "${datasource}"
        assert target["legendFormat"]


@pytest.mark.parametrize("query", QUERIES, ids=str)
def test_a_query_names_only_metrics_and_labels_that_exist(query: PanelQuery):
    expression = parsed(query)
    selectors = named(expression, "VectorSelector")
    assert selectors
    known: set[str] = set()
    for selector in selectors:
        assert selector.name in LABELS
        known |= LABELS[selector.name]
        found = {matcher.name for matcher in selector.matchers.matchers}
        assert found <= LABELS[selector.name]
        if query.ref_id != "variable":
            assert (ROUTERS & LABELS[selector.name]) <= found
    for aggregation in named(expression, "AggregateExpr"):
        assert set(aggregation.modifier.labels) <= known


@pytest.mark.parametrize("query", [*panel_queries(), *annotation_queries()], ids=str)
def test_a_counter_is_only_looked_at_as_it_changes(query: PanelQuery):
    expression = parsed(query)
    changing = {
        selector.name
        for call in named(expression, "Call")
        if call.func.name in CHANGING
        for selector in named(call, "VectorSelector")
    }
    histograms = {name for name in LABELS if name.endswith(("_bucket", "_sum", "_count"))}
    for selector in named(expression, "VectorSelector"):
        assert (selector.name in changing) == (selector.name in COUNTERS | histograms), selector.name


@pytest.mark.parametrize("query", QUERIES, ids=str)
def test_a_rate_is_taken_over_grafanas_own_interval(query: PanelQuery):
    windows = set(re.findall(r"\[([^\]]+)\]", re.sub(r'"[^"]*"', "", query.expression)))
    assert windows <= {"$__rate_interval", "$__range", *PROMISED_OVER.get(query.panel, ())}


def test_a_legend_names_labels_that_the_query_keeps():
    for panel in panels():
        for target in panel["targets"]:
            kept = set(re.findall(r"\b(?:by|ignoring) \(([^)]*)\)", target["expr"])[0].split(", "))
            assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) <= kept, panel["title"]


def test_panels_of_jobs_look_at_windows_that_hold_some():
    for panel in panels():
        if panel["type"] == "timeseries" and "job_duration" in panel["targets"][0]["expr"]:
            assert panel["interval"] == JOBS_INTERVAL


def test_a_quantile_of_what_is_no_histogram_is_refused():
    with pytest.raises(ValueError, match="is no histogram"):
        ROUTER.quantile(0.5, families.COST, "provider")


def test_the_names_of_a_range_are_filled_in_before_shorter_ones():
    query = PanelQuery("", "", "", 'x{job=~"$job|"}[$__range] / $__range_s + y[$__rate_interval]')
    assert query.filled(whole_range="6h") == 'x{job=~".+|"}[6h] / 21600 + y[1m]'


def test_every_metric_is_used_by_a_panel_a_rule_or_the_documentation():
    texts = [query.expression for query in QUERIES]
    texts += [path.read_text(encoding="utf-8") for path in (ROOT / "grafana" / "alerts").glob("*.yaml")]
    texts.append((ROOT / "grafana" / "README.md").read_text(encoding="utf-8"))
    used = set(re.findall(r"\w+", " ".join(texts)))
    assert [family.full_name for family in FAMILIES if not family.sample_names & used] == []


def test_every_metric_is_drawn_somewhere():
    drawn = set(re.findall(r"\w+", " ".join(query.expression for query in [*panel_queries(), *annotation_queries()])))
    assert [family.full_name for family in FAMILIES if not family.sample_names & drawn] == []


def test_prometheus_accepts_its_configuration():
    promtool = require("promtool")
    checked = subprocess.run(
        [promtool, "check", "config", str(ROOT / "config" / "prometheus.yml")], check=False, capture_output=True
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_grafana_is_told_where_dashboards_and_prometheus_are():
    folder = ROOT / "grafana" / "provisioning"
    source = yaml.safe_load((folder / "datasources" / "prometheus.yaml").read_text())["datasources"][0]
    scraping = yaml.safe_load((ROOT / "config" / "prometheus.yml").read_text())
    assert source["type"] == "prometheus"
    assert source["jsonData"]["timeInterval"] == scraping["global"]["scrape_interval"]
    assert source["url"] == "${VIDEO_ROUTER_PROMETHEUS}"
    (traces,) = source["jsonData"]["exemplarTraceIdDestinations"]
    # Grafana expands the first from its environment, and makes of two dollars one for the browser.
    assert (traces["name"], traces["url"]) == ("trace_id", "${VIDEO_ROUTER_TRACES}/trace/$${__value.raw}")
    provider = yaml.safe_load((folder / "dashboards" / "video-router.yaml").read_text())["providers"][0]
    assert provider["options"]["path"] == "${VIDEO_ROUTER_DASHBOARDS}"
