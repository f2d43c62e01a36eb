"""The files of rules: what is recorded, and what is told to people."""

from grafana.rules import callers, internals, jobs, measures, money, providers, slo, targets
from grafana.rules.pace import Pace
from grafana.rules.rule import Group, written


def groups(scale: float = 1.0) -> dict[str, list[Group]]:
    """Return the groups of each file."""
    pace = Pace(scale)
    recording = [*slo.recordings(pace), *measures.recordings(pace)]
    topics = (targets, slo, callers, jobs, providers, money, internals)
    return {"recording.yaml": recording, "alerts.yaml": [group for topic in topics for group in topic.alerts(pace)]}


def rule_files(scale: float = 1.0) -> dict[str, str]:
    """Return each file's YAML by its name; at a scale of 60 an hour of every window and wait is a minute."""
    return {name: written(each) for name, each in groups(scale).items()}
