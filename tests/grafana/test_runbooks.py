import re
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from router.cli import cli
from tests.grafana.alerts.rules import ALERTS, RECORDS
from tests.grafana.queries import DASHBOARDS, document

ROOT = Path(__file__).parents[2]
README = (ROOT / "grafana" / "README.md").read_text(encoding="utf-8")
RUNBOOKS = README.partition("\n## Runbooks\n")[2]
SECTIONS = dict(re.findall(r"^### (\w+)\n\n(.*?)(?=^### |\Z)", RUNBOOKS, flags=re.MULTILINE | re.DOTALL))
NAMES = sorted({alert for alert, _ in ALERTS})
PARTS = ("Means", "Look at", "Do", "Do not")
# Where the names stand that a runbook writes in backticks.
SOURCES = (
    *("config/README.md", "config/router.yaml", "router/observe/logs.py", "router/observe/labels.py", "router/app.py"),
    *("router/http/server.py", "router/http/errors.py", "router/core/job.py", "router/core/ledger.py"),
    *("router/observe/lines.py", "router/observe/families.py", "router/http/failures.py", "pyproject.toml"),
    *("router/core/events.py", "grafana/rules/rule.py", "grafana/rules/slo.py"),
)


def titles() -> set[str]:
    return {panel["title"] for path in DASHBOARDS for panel in document(path)["panels"]}


def test_every_alert_has_a_runbook_and_every_runbook_an_alert():
    assert sorted(SECTIONS) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_runbook_says_what_it_means_what_to_look_at_what_to_do_and_what_not(name: str):
    assert tuple(re.findall(r"^- \*\*([\w ]+):\*\* ", SECTIONS[name], flags=re.MULTILINE)) == PARTS


def test_an_alert_leads_to_its_runbook_and_to_a_dashboard_that_is_there():
    uids = {document(path)["uid"] for path in DASHBOARDS}
    for rule in ALERTS.values():
        told: dict[str, Any] = rule["annotations"]
        assert told["runbook"] == f"grafana/README.md#{rule['alert'].lower()}"
        assert told["dashboard"] in uids


def test_runbooks_name_panels_that_are_there():
    named = {" ".join(name.split()) for name in re.findall(r"(?<!\*)\*([^*]+)\*(?!\*)", RUNBOOKS)}
    assert len(named) > 40
    assert sorted(named - titles()) == []


def test_runbooks_name_commands_and_options_that_are_there():
    used = [words.split() for words in re.findall(r"`video-router ([^`]*)`", RUNBOOKS)]
    assert {words[0] for words in used} >= {"top", "report", "check", "policy", "jobs", "ledger"}
    for words in used:
        command: Any = get_command(cli)
        for name in words:
            if not hasattr(command, "get_command"):
                break
            command = command.get_command(None, name)
            assert command is not None, words
        options = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options, words


def test_runbooks_name_settings_and_log_lines_that_are_there():
    known = "".join((ROOT / path).read_text(encoding="utf-8") for path in SOURCES)
    named = set(re.findall(r"`([a-z_][a-z_.0-9]*)(?:: \w+)?`", RUNBOOKS))
    assert len(named) > 40
    assert sorted(name for name in named if any(part not in known for part in name.split("."))) == []
    for path in set(re.findall(r"`((?:router|providers|config|grafana)/[\w./]+)`", README)):
        assert (ROOT / path).exists(), path


def test_runbooks_refer_to_each_other_by_names_that_are_there():
    assert set(re.findall(r"\bsee ((?:[A-Z][a-z]+){2,})", RUNBOOKS)) <= set(NAMES)


def test_the_recorded_series_that_the_readme_names_are_there():
    named = set(re.findall(r"`(job\w*:[\w:]+)`", README))
    assert {name.rstrip("0123456789hmd") for name in named} | {
        f"job:video_router_jobs_{missed}:ratio_increase" for missed in ("undelivered", "late")
    } == {record.rstrip("0123456789hmd") for record in (rule["record"] for rule in RECORDS)}
    assert named <= {rule["record"] for rule in RECORDS}
