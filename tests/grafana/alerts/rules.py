"""The committed rules, as Prometheus reads them."""

import json
import re
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
    """What a topic's alerts need, in the order of its evaluation: all recordings would take far longer."""
    (alerts,) = [group for group in ALERTING if group["name"] == f"video-router-{topic}-alerts"]
    needed, chosen = json.dumps(alerts), [alerts]
    for group in reversed(RECORDING):
        records = []
        for rule in reversed(group["rules"]):
            if re.search(rf"{rule['record']}\b", needed):
                records.insert(0, rule)
                needed += rule["expr"]
        if records:
            chosen.insert(0, {**group, "rules": records})
    return chosen
