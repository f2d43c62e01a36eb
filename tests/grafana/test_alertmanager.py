import json
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
import yaml

from tests.grafana.alerts.rules import ALERTS, FOLDER
from tests.grafana.alerts.timeline import by_provider, by_router
from tests.system import command

EXAMPLE = FOLDER / "alertmanager.example.yml"
INHIBITIONS: list[dict[str, Any]] = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))["inhibit_rules"]


def amtool(*arguments: str) -> str:
    program = command("amtool", "prometheus-alertmanager")
    ran = subprocess.run([program, *arguments], check=False, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.fixture(scope="module")
def alertmanager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Alertmanager with the example; its receivers are never reached, for their groups wait longer."""
    folder = tmp_path_factory.mktemp("alertmanager")
    program = command("prometheus-alertmanager", "prometheus-alertmanager")
    flags = [f"--config.file={EXAMPLE}", f"--storage.path={folder}", "--cluster.listen-address="]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program, *flags, "--web.listen-address=127.0.0.1:0"], stdout=log, stderr=log)
        try:
            yield _address(process, folder / "log")
        finally:
            process.terminate()
            process.wait(10)


def _address(process: "subprocess.Popen[bytes]", log: Path) -> str:
    """Wait until it listens, and read where."""
    give_up_at = time.monotonic() + 30
    while time.monotonic() < give_up_at and process.poll() is None:
        if found := re.search(r'msg="Listening on" address=(\S+)', log.read_text()):
            return f"http://{found[1]}"
        time.sleep(0.05)
    raise AssertionError(f"alertmanager did not start:\n{log.read_text()[-2000:]}")


def firing(alert: str, job: str, window: str = "", /, **labels: str) -> dict[str, str]:
    """The labels of an alert as Prometheus sends them."""
    static = ALERTS[(alert, window)]["labels"]
    return {"alertname": alert, **by_router(), **by_provider(), **labels, **static, "job": job}


def told(url: str, job: str, *alerts: dict[str, str], wanted: set[tuple[str, str]], label: str = "window") -> bool:
    """Send alerts of a job; whether those `wanted`, by name and a label, are soon the ones that are not inhibited."""
    body = json.dumps([{"labels": labels} for labels in alerts]).encode()
    request = Request(f"{url}/api/v2/alerts", body, {"Content-Type": "application/json"})  # noqa: S310
    with urlopen(request, timeout=10):  # noqa: S310
        pass
    # What inhibits learns of an alert a moment after it was taken.
    give_up_at = time.monotonic() + 5
    while (found := _left(url, job, label)) != wanted and time.monotonic() < give_up_at:
        time.sleep(0.05)
    return found == wanted


def _left(url: str, job: str, label: str) -> set[tuple[str, str]]:
    with urlopen(f"{url}/api/v2/alerts?filter=job%3D%22{job}%22&inhibited=false", timeout=10) as answer:  # noqa: S310
        left = [each["labels"] for each in json.load(answer)]
    return {(labels["alertname"], labels.get(label, "")) for labels in left}


def test_alertmanager_accepts_the_example():
    assert f"{len(INHIBITIONS)} inhibit rules" in amtool("check-config", str(EXAMPLE))


@pytest.mark.parametrize("severity", ["page", "ticket"])
def test_pages_and_tickets_reach_their_receivers(severity: str):
    labels = ["alertname=Any", f"severity={severity}"]
    assert amtool("config", "routes", "test", f"--config.file={EXAMPLE}", *labels).split()[-1] == f"{severity}s"


@pytest.mark.parametrize("rule", INHIBITIONS, ids=lambda rule: rule["source_matchers"][-1])
def test_an_inhibition_names_alerts_that_are_there(rule: dict[str, Any]):
    assert "job" in rule["equal"]
    for matcher in (*rule["source_matchers"], *rule["target_matchers"]):
        names = re.fullmatch(r'alertname(?:=~|!=|=)"(.*)"', matcher)
        assert names is None or set(names[1].split("|")) <= {name for name, _ in ALERTS}


def test_a_router_that_is_down_speaks_for_all_else_of_its_job_only(alertmanager: str):
    others = [firing(name, "down", window) for name, window in ALERTS if name != "RouterDown"]
    assert told(alertmanager, "down", firing("RouterDown", "down"), *others, wanted={("RouterDown", "")})
    assert told(alertmanager, "elsewhere", firing("StoreSlow", "elsewhere"), wanted={("StoreSlow", "")})


def test_of_a_promise_the_fastest_burn_is_told(alertmanager: str):
    burning = [
        firing(name, "burning", window)
        for name in ("DeliveredShareLow", "OnTimeShareLow")
        for window in ("6h", "1d", "3d")
    ]
    hour = firing("DeliveredShareLow", "burning", "1h")
    wanted = {("DeliveredShareLow", "1h"), ("OnTimeShareLow", "6h")}
    assert told(alertmanager, "burning", hour, *burning, wanted=wanted)


def test_a_refused_key_speaks_for_its_provider_and_for_no_other(alertmanager: str):
    refused = firing("ProviderKeyRefused", "key", provider="p0")
    ejected = [firing("ProviderEjected", "key", provider=name, breaker="submit") for name in ("p0", "p1")]
    unknown = [firing("UnknownErrors", "key", provider=name) for name in ("p0", "p2")]
    wanted = {("ProviderKeyRefused", "p0"), ("ProviderEjected", "p1"), ("UnknownErrors", "p2")}
    assert told(alertmanager, "key", refused, *ejected, *unknown, wanted=wanted, label="provider")


@pytest.mark.parametrize(
    ("cause", "consequence"),
    [
        ("EveryProviderEjected", "CreatesTurnedAway"),
        ("StoreFails", "CreatesTurnedAway"),
        ("MoneyWastedFast", "WastedShareHigh"),
        ("BudgetUsedUp", "BudgetNearlyUsed"),
        ("OfferingEndsThisWeek", "OfferingEnds"),
        ("ProviderBalanceUsedUp", "ProviderEjected"),
    ],
)
def test_a_consequence_is_quiet_beside_its_cause(alertmanager: str, cause: str, consequence: str):
    labels = {"scope": "provider", "name": "p0", "offering": "p0/sora-2"}
    assert told(alertmanager, cause, firing(consequence, cause, **labels), wanted={(consequence, "")})
    assert told(alertmanager, cause, firing(cause, cause, **labels), wanted={(cause, "")})
