"""The queries of the committed dashboards, as Prometheus wants them: of panels, annotations and variables."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DASHBOARDS = sorted((Path(__file__).parents[2] / "grafana" / "dashboards").glob("*.json"))
_UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


@dataclass(frozen=True, slots=True)
class PanelQuery:
    """One query of one panel, annotation or variable of a dashboard."""

    dashboard: str
    panel: str
    ref_id: str
    expression: str

    def __str__(self) -> str:
        return f"{self.dashboard}: {self.panel} {self.ref_id}"

    def filled(self, rate_interval: str = "1m", whole_range: str = "1h") -> str:
        """The expression with Grafana's macros and variables replaced; every variable is All."""
        range_s = int(whole_range[:-1]) * _UNIT_S[whole_range[-1]]
        text = self.expression.replace("$__range_s", str(range_s)).replace("$__range", whole_range)
        text = text.replace("$__rate_interval", rate_interval)
        return re.sub(r"\$(?!__)\w+", ".+", text)


def document(path: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return read


def panels_of(path: Path) -> list[dict[str, Any]]:
    """The panels of a dashboard that show something."""
    return [panel for panel in document(path)["panels"] if panel["type"] != "row"]


def panels() -> Iterator[dict[str, Any]]:
    for path in DASHBOARDS:
        yield from panels_of(path)


def panel_queries() -> list[PanelQuery]:
    return [
        PanelQuery(path.stem, panel["title"], target["refId"], target["expr"])
        for path in DASHBOARDS
        for panel in panels_of(path)
        for target in panel["targets"]
    ]


def annotation_queries() -> list[PanelQuery]:
    return [
        PanelQuery(path.stem, mark["name"], "annotation", mark["expr"])
        for path in DASHBOARDS
        for mark in document(path)["annotations"]["list"]
    ]


def variable_queries() -> list[PanelQuery]:
    """Ask for the values of each variable; Grafana asks Prometheus for label values, which counts by them as well."""
    found = []
    for path in DASHBOARDS:
        for variable in document(path)["templating"]["list"]:
            if variable["type"] == "query":
                selector, label = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]).groups()  # type: ignore[union-attr]
                found.append(PanelQuery(path.stem, variable["name"], "variable", f"count by ({label}) ({selector})"))
    return found


def all_queries() -> list[PanelQuery]:
    """Everything that any dashboard ever asks a Prometheus."""
    return [*panel_queries(), *annotation_queries(), *variable_queries()]
