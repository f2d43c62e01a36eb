import re
import subprocess
from typing import Any

import pytest
import yaml

from tests.grafana.alerts.rules import ALERTS, FOLDER
from tests.system import command

EXAMPLE = FOLDER / "alertmanager.example.yml"
RULES: list[dict[str, Any]] = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))["inhibit_rules"]


def amtool(*arguments: str) -> str:
    program = command("amtool", "prometheus-alertmanager")
    ran = subprocess.run([program, *arguments], check=False, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def matched(matchers: list[str]) -> list[dict[str, Any]]:
    """The alerting rules that matchers of name, severity and window choose."""
    chosen = []
    for (name, window), rule in ALERTS.items():
        labels = {"alertname": name, "window": window, **rule["labels"]}
        if all(_matches(labels, matcher) for matcher in matchers):
            chosen.append(rule)
    return chosen


def _matches(labels: dict[str, str], matcher: str) -> bool:
    label, operator, value = re.fullmatch(r'(\w+)(=~|!=|=)"(.*)"', matcher).groups()  # type: ignore[union-attr]
    same = re.fullmatch(value, labels.get(label, "")) is not None
    return same is (operator != "!=")


def test_alertmanager_accepts_the_example():
    assert f"{len(RULES)} inhibit rules" in amtool("check-config", str(EXAMPLE))


@pytest.mark.parametrize("rule", ALERTS.values(), ids=lambda rule: rule["alert"])
def test_pages_and_tickets_reach_their_receivers(rule: dict[str, Any]):
    labels = [f"{label}={value}" for label, value in {"alertname": rule["alert"], **rule["labels"]}.items()]
    receiver = amtool("config", "routes", "test", f"--config.file={EXAMPLE}", *labels).split()[-1]
    assert receiver == f"{rule['labels']['severity']}s"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["source_matchers"][-1])
def test_an_inhibition_names_alerts_that_are_there_and_silences_no_page_by_a_ticket(rule: dict[str, Any]):
    for side in ("source_matchers", "target_matchers"):
        assert matched(rule[side])
        for matcher in rule[side]:
            names = re.fullmatch(r'alertname(?:=~|!=|=)"(.*)"', matcher)
            assert names is None or set(names[1].split("|")) <= {name for name, _ in ALERTS}
    sources = {each["labels"]["severity"] for each in matched(rule["source_matchers"])}
    targets = {each["labels"]["severity"] for each in matched(rule["target_matchers"])}
    assert "job" in rule["equal"]
    assert "ticket" not in sources or "page" not in targets
