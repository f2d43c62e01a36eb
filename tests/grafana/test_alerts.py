import json
import subprocess
from pathlib import Path

import pytest

from grafana.rules import rule_files
from tests.grafana.alerts import callers, internals, jobs, money, promises, providers, targets
from tests.grafana.alerts.rules import ALERTS, FOLDER, of_topic
from tests.grafana.alerts.timeline import Kind, Timeline
from tests.prometheus import require

TOPICS: dict[str, list[Timeline]] = {
    "targets": targets.TIMELINES,
    "promises": promises.TIMELINES,
    "callers": callers.TIMELINES,
    "jobs": jobs.TIMELINES,
    "providers": providers.TIMELINES,
    "money": money.TIMELINES,
    "internals": internals.TIMELINES,
}


def test_the_committed_rules_are_those_that_the_generator_makes():
    assert {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.yaml")} == rule_files()


@pytest.mark.parametrize("scale", [1.0, 60.0])
def test_prometheus_accepts_the_rules_at_any_pace(tmp_path: Path, scale: float):
    promtool = require("promtool")
    for name, text in rule_files(scale).items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    files = sorted(map(str, tmp_path.iterdir()))
    checked = subprocess.run([promtool, "check", "rules", "--lint-fatal", *files], check=False, capture_output=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("topic", TOPICS)
def test_alerts_do_as_their_timelines_say(tmp_path: Path, topic: str):
    promtool = require("promtool")
    groups = of_topic(topic)
    (tmp_path / "rules.json").write_text(json.dumps({"groups": groups}), encoding="utf-8")
    files = []
    for step_m in sorted({timeline.step_m for timeline in TOPICS[topic]}):
        document = {
            "rule_files": ["rules.json"],
            "group_eval_order": [group["name"] for group in groups],
            "evaluation_interval": f"{step_m}m",
            "tests": [each.document(ALERTS) for each in TOPICS[topic] if each.step_m == step_m],
        }
        file = tmp_path / f"{topic}-{step_m}m.json"
        file.write_text(json.dumps(document), encoding="utf-8")
        files.append(str(file))
    ran = subprocess.run([promtool, "test", "rules", *files], check=False, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_every_alert_has_been_seen_in_every_way():
    seen = {
        (check.alert, window, check.kind)
        for timelines in TOPICS.values()
        for timeline in timelines
        for check in timeline.checks
        for window in check.windows
    }
    wanted = {(alert, window, kind) for alert, window in ALERTS for kind in Kind}
    assert sorted(wanted - seen) == []
    assert sorted(seen - wanted) == []
