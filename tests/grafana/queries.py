"""The queries of the committed dashboards, as Prometheus wants them."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DASHBOARDS = sorted((Path(__file__).parents[2] / "grafana" / "dashboards").glob("*.json"))


@dataclass(frozen=True, slots=True)
class PanelQuery:
    """One query of one panel."""

    panel: str
    ref_id: str
    expression: str

    def __str__(self) -> str:
        return f"{self.panel} {self.ref_id}"

    def filled(self, rate_interval: str = "1m", whole_range: str = "1h") -> str:
        """The expression with Grafana's macros and variables replaced; every variable is All."""
        text = self.expression.replace("$__rate_interval", rate_interval).replace("$__range", whole_range)
        return re.sub(r'"\$\w+"', '".+"', text)


def document(path: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return read


def panels() -> Iterator[dict[str, Any]]:
    for path in DASHBOARDS:
        yield from (panel for panel in document(path)["panels"] if panel["type"] != "row")


def panel_queries() -> list[PanelQuery]:
    return [
        PanelQuery(panel["title"], target["refId"], target["expr"]) for panel in panels() for target in panel["targets"]
    ]
