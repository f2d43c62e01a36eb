import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest

from grafana.rules.pace import Pace
from grafana.rules.promql import series, share_over
from router.observe import families
from router.observe.families import FAMILIES, MetricKind
from tests.grafana.alerts import callers, internals, jobs, money, promises, providers, targets
from tests.grafana.alerts.rules import ALERTS, RECORDS
from tests.prometheus import require

# Prometheus and the client library make these two.
OTHERS = {"up": {"job", "instance"}, "process_start_time_seconds": {"job", "instance"}}
CATALOGUE = {name: {*family.labels, "job", "instance"} for family in FAMILIES for name in family.sample_names}
RECORDED = {rule["record"]: set(rule["record"].partition(":")[0].split("_")) for rule in RECORDS}
LABELS = {**OTHERS, **CATALOGUE, **RECORDED}
COUNTERS = {name for family in FAMILIES if family.kind is not MetricKind.GAUGE for name in family.sample_names}
CHANGING = {"rate", "irate", "increase"}
RULES = [*RECORDS, *ALERTS.values()]
TIMELINES = [
    timeline
    for topic in (targets, promises, callers, jobs, providers, money, internals)
    for timeline in topic.TIMELINES
]


def named(rule: dict[str, Any]) -> str:
    return str(rule.get("record") or f"{rule['alert']} {rule['labels'].get('window', '')}".strip())


def nodes(node: Any) -> Iterator[Any]:
    """Walk a parsed expression."""
    yield node
    below = [getattr(node, name, None) for name in ("lhs", "rhs", "expr", "param", "vector_selector")]
    for child in (*below, *(getattr(node, "args", None) or ())):
        if child is not None:
            yield from nodes(child)


def of_kind(node: Any, kind: str) -> list[Any]:
    return [each for each in nodes(node) if type(each).__name__ == kind]


def kept(node: Any) -> set[str] | None:
    """The labels that an expression's answer has; None is a scalar."""
    match type(node).__name__:
        case "VectorSelector":
            return set(LABELS[node.name])
        case "MatrixSelector":
            return kept(node.vector_selector)
        case "AggregateExpr":
            return set() if node.modifier is None else set(node.modifier.labels)
        case "Call" if node.func.name in ("absent", "hour", "vector"):
            return set()
        case "Call":
            return next((labels for each in node.args if (labels := kept(each)) is not None), None)
        case "ParenExpr" | "UnaryExpr" | "SubqueryExpr":
            return kept(node.expr)
        case "BinaryExpr":
            return of_both(kept(node.lhs), kept(node.rhs), node)
        case _:
            return None


def of_both(left: set[str] | None, right: set[str] | None, node: Any) -> set[str] | None:
    """The labels of an operation: its left side's, unless that is a number, or only some labels have to match."""
    if left is None or right is None:
        return right if left is None else left
    matching = None if node.modifier is None else node.modifier.matching
    if matching is None:
        assert left == right, node.prettify()
    filters = str(node.op) in ("and", "or", "unless", ">", "<", ">=", "<=", "==", "!=")
    return left if filters or matching is None else set(matching.labels)


@pytest.mark.parametrize("rule", RULES, ids=named)
def test_a_rule_names_only_metrics_and_labels_that_exist(rule: dict[str, Any]):
    expression = promql_parser.parse(rule["expr"])
    selectors = of_kind(expression, "VectorSelector")
    assert selectors
    for selector in selectors:
        extra = {"le"} if selector.name.endswith("_bucket") else set()
        assert {matcher.name for matcher in selector.matchers.matchers} <= LABELS[selector.name] | extra
    for aggregation in of_kind(expression, "AggregateExpr"):
        inside = {label for each in of_kind(aggregation, "VectorSelector") for label in LABELS[each.name]}
        assert aggregation.modifier is None or set(aggregation.modifier.labels) <= inside


@pytest.mark.parametrize("rule", RULES, ids=named)
def test_a_counter_is_only_looked_at_as_it_changes(rule: dict[str, Any]):
    expression = promql_parser.parse(rule["expr"])
    changes = [call for call in of_kind(expression, "Call") if call.func.name in CHANGING]
    changing = [selector.name for call in changes for selector in of_kind(call, "VectorSelector")]
    assert set(changing) <= COUNTERS
    looked_at = [each.name for each in of_kind(expression, "VectorSelector") if each.name in COUNTERS]
    # Whether a total is what it was before is asked of two totals.
    assert len(looked_at) == len(changing) + (2 if rule.get("alert") == "NoJobEnds" else 0)


@pytest.mark.parametrize("rule", RECORDS, ids=named)
def test_a_recording_has_the_labels_that_its_name_says(rule: dict[str, Any]):
    assert re.fullmatch(r"[a-z_]+:video_router_[a-z_]+:[a-z]+(?:_[a-z]+)*\d*[mhd]?", rule["record"])
    assert kept(promql_parser.parse(rule["expr"])) == RECORDED[rule["record"]]


@pytest.mark.parametrize("rule", ALERTS.values(), ids=named)
def test_an_alert_speaks_of_labels_that_it_has(rule: dict[str, Any]):
    found = kept(promql_parser.parse(rule["expr"]))
    assert found is not None
    words = " ".join(rule["annotations"].values())
    assert set(re.findall(r"\$labels\.(\w+)", words)) <= found | set(rule["labels"])
    assert len(re.findall("{{", words)) == len(re.findall(r"{{ \$(?:labels\.\w+|value)(?: \| [^}]+)? }}", words))
    shown = {
        frozenset(firing.labels)
        for timeline in TIMELINES
        for check in timeline.checks
        for firing in check.firing
        if check.alert == rule["alert"] and firing.labels.get("window", "") == rule["labels"].get("window", "")
    }
    assert shown == {frozenset(found | set(rule["labels"]) - {"severity"})}


@pytest.mark.parametrize("rule", ALERTS.values(), ids=named)
def test_an_alert_can_be_read_half_asleep(rule: dict[str, Any]):
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert len(rule["annotations"]["summary"]) < 140
    for words in ("summary", "description"):
        assert rule["annotations"][words].endswith(".")
    assert (
        "for" in rule or "keep_firing_for" in rule or rule["alert"] in ("ProviderKeyRefused", "ProviderBalanceUsedUp")
    )


def test_all_windows_and_waits_shrink_together():
    hour, minute = Pace(), Pace(60)
    assert (hour("6h"), hour.seconds("15m")) == ("6h", "900")
    assert (minute("6h"), minute("1m"), minute.seconds("15m"), Pace(600)("5m")) == ("360s", "1s", "15", "500ms")
    with pytest.raises(ValueError, match="is no duration"):
        hour("soon")


def test_a_label_or_a_bucket_that_a_metric_has_not_cannot_be_asked_for():
    with pytest.raises(ValueError, match="has no label 'tone'; it has: provider, model, kind"):
        series(families.COST, 'tone="dark"')
    with pytest.raises(ValueError, match="has no bucket at 3"):
        share_over(families.POLL_LAG, "job", 3.0, "5m")


def test_prometheus_loads_the_rules_with_its_configuration():
    promtool = require("promtool")
    file = Path(__file__).parents[2] / "config" / "prometheus.yml"
    checked = subprocess.run([promtool, "check", "config", str(file)], check=False, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert f"{len(ALERTS)} rules found" in checked.stdout
    assert f"{len(RECORDS)} rules found" in checked.stdout
