"""Recording and alerting rules as values, and how they are written: no alert can lack a summary or a runbook."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, TypeAlias

import yaml

RUNBOOKS: Final = "grafana/README.md"
# What is counted over a window is extrapolated, and no whole number.
COUNT: Final = '{{ $value | printf "%.0f" }}'
USD: Final = '{{ $value | printf "%.2f" }} USD'


class Severity(StrEnum):
    """Who is told: whoever is on duty, now and at night (page), or the team, in its working hours (ticket)."""

    PAGE = "page"
    TICKET = "ticket"


class Dashboard(StrEnum):
    """Where to look first: the uid of a dashboard."""

    OVERVIEW = "video-router-overview"
    PROVIDERS = "video-router-providers"
    FAILURES = "video-router-failures"
    COST = "video-router-cost"
    INTERNALS = "video-router-internals"


@dataclass(frozen=True, slots=True)
class Record:
    """A recording rule; `name` is level:metric:operations."""

    name: str
    expression: str

    def document(self) -> dict[str, Any]:
        return {"record": self.name, "expr": self.expression}


@dataclass(frozen=True, slots=True)
class Words:
    """What an alert says: a summary for somebody half asleep, and a description that says what follows."""

    summary: str
    description: str
    dashboard: Dashboard


@dataclass(frozen=True, slots=True)
class Alert:
    """An alerting rule. `wait` (YAML: `for`) and `keep` (`keep_firing_for`) are durations as Prometheus writes them."""

    name: str
    severity: Severity
    expression: str
    words: Words
    wait: str | None = None
    keep: str | None = None
    labels: dict[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        written: dict[str, Any] = {"alert": self.name, "expr": self.expression}
        if self.wait is not None:
            written["for"] = self.wait
        if self.keep is not None:
            written["keep_firing_for"] = self.keep
        written["labels"] = {"severity": str(self.severity), **self.labels}
        written["annotations"] = {
            "summary": self.words.summary,
            "description": self.words.description,
            "runbook": f"{RUNBOOKS}#{self.name.lower()}",
            "dashboard": str(self.words.dashboard),
        }
        return written


Rule: TypeAlias = Record | Alert


@dataclass(frozen=True, slots=True)
class Group:
    """Rules that are evaluated one after the other, each `interval` (None: the server's own)."""

    name: str
    rules: Sequence[Rule]
    interval: str | None = None

    def document(self) -> dict[str, Any]:
        pace = {} if self.interval is None else {"interval": self.interval}
        return {"name": self.name, **pace, "rules": [rule.document() for rule in self.rules]}


class _Dumper(yaml.SafeDumper):
    """Writes expressions of several lines as blocks, so that a diff shows the line that changed."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def written(groups: Sequence[Group]) -> str:
    """Write a file of rules."""
    head = "# Written by `python -m grafana.generate`; change the Python in grafana/rules instead.\n"
    document = {"groups": [group.document() for group in groups]}
    return head + yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=118, allow_unicode=True)
