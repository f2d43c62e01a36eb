"""The committed rules, as Prometheus reads them."""

import json
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parents[3] / "grafana" / "alerts"


def committed(name: str) -> list[dict[str, Any]]:
    """The groups of a file."""
    groups: list[dict[str, Any]] = yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))["groups"]
    return groups


RECORDING, ALERTING = committed("recording.yaml"), committed("alerts.yaml")
RECORDS = [rule for group in RECORDING for rule in group["rules"]]
ALERTS = {(rule["alert"], rule["labels"].get("window", "")): rule for group in ALERTING for rule in group["rules"]}


def of_topic(topic: str) -> list[dict[str, Any]]:
    """The groups that a topic's alerts need, in the order of their evaluation: all of them would take far longer."""
    (alerts,) = [group for group in ALERTING if group["name"] == f"video-router-{topic}-alerts"]
    needed = json.dumps(alerts)
    chosen = [group for group in RECORDING if any(rule["record"] in needed for rule in group["rules"])]
    return [*chosen, alerts]
