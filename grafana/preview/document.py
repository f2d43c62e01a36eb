"""Reads the parts of a dashboard's JSON that decide what its data looks like."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

# Shorter than a panel's own interval where the range is short: a run of minutes shall not be two points.
_POINTS_MIN = 20
_POINTS_MAX = 240
_UNITS_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class Kind(StrEnum):
    """How a panel shows its data."""

    ROW = "row"
    CURVES = "timeseries"
    FIGURE = "stat"
    TABLE = "table"
    TIMELINE = "state-timeline"
    HEATMAP = "heatmap"


@dataclass(frozen=True, slots=True)
class Target:
    """A query, and how its series are called."""

    ref_id: str
    expression: str
    legend: str

    def filled(self, interval_s: float, scrape_s: float, range_s: float) -> str:
        """Replace Grafana's macros; every variable means all."""
        values = {
            "rate_interval": f"{max(interval_s + scrape_s, 4 * scrape_s):.0f}s",
            "interval": f"{interval_s:.0f}s",
            "range": f"{range_s:.0f}s",
            "range_s": f"{range_s:.0f}",
        }
        text = re.sub(r"\$__(\w+)", lambda found: values.get(found[1], found[0]), self.expression)
        return re.sub(r"\$\w+", ".+", text)

    def name(self, labels: Mapping[str, str]) -> str:
        return re.sub(r"\{\{\s*(\w+)\s*\}\}", lambda found: labels.get(found[1], ""), self.legend).strip()


@dataclass(frozen=True, slots=True)
class Looks:
    """How numbers are written and coloured; the first threshold has no bound."""

    unit: str = ""
    decimals: int | None = None
    thresholds: tuple[tuple[float | None, str], ...] = ()
    coloured: bool = False

    def colour(self, value: float) -> str:
        reached = [colour for bound, colour in self.thresholds if bound is None or value >= bound]
        return reached[-1] if reached else "text"


@dataclass(frozen=True, slots=True)
class Arrangement:
    """What becomes of a table's columns: their titles in order, what they are sorted by, and the axes of a matrix."""

    titles: Mapping[str, str] = field(default_factory=dict)
    sort_by: str | None = None
    rows: str | None = None
    across: str | None = None


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel: where it is on the grid of 24 columns, and what it shows."""

    title: str
    kind: Kind
    x: int
    y: int
    width: int
    height: int
    no_data: str
    targets: tuple[Target, ...]
    looks: Looks
    columns: Mapping[str, Looks]
    arrangement: Arrangement
    states: Mapping[float, tuple[str, str]]
    stacked: bool
    lines_at_thresholds: bool
    interval_s: float
    y_unit: str

    def step_s(self, range_s: float, scrape_s: float) -> float:
        """What Grafana calls the interval, for a range that may be shorter than it expects."""
        wanted = max(range_s / _POINTS_MAX, min(self.interval_s, range_s / _POINTS_MIN), scrape_s)
        return float(round(wanted) or 1)


@dataclass(frozen=True, slots=True)
class Mark:
    """An annotation: a query whose points are moments."""

    name: str
    colour: str
    target: Target


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A dashboard's panels and annotations."""

    title: str
    question: str
    panels: tuple[Panel, ...]
    marks: tuple[Mark, ...]

    @property
    def height(self) -> int:
        return max(panel.y + panel.height for panel in self.panels)


def read(path: Path) -> Dashboard:
    """Read a committed dashboard."""
    document = json.loads(path.read_text(encoding="utf-8"))
    marks = [each for each in document.get("annotations", {}).get("list", ()) if each.get("expr")]
    return Dashboard(
        document["title"],
        document.get("description", ""),
        tuple(_panel(each) for each in document["panels"]),
        tuple(Mark(each["name"], each.get("iconColor", "blue"), Target("", each["expr"], "")) for each in marks),
    )


def _panel(document: Mapping[str, Any]) -> Panel:
    grid, options = document["gridPos"], document.get("options", {})
    config = document.get("fieldConfig", {})
    defaults = config.get("defaults", {})
    custom = defaults.get("custom", {})
    return Panel(
        title=document["title"],
        kind=Kind(document["type"]),
        x=grid["x"],
        y=grid["y"],
        width=grid["w"],
        height=grid["h"],
        no_data=defaults.get("noValue", "No data"),
        targets=tuple(
            Target(each["refId"], each["expr"], each.get("legendFormat", "")) for each in document.get("targets", ())
        ),
        looks=_looks(defaults),
        columns={each["matcher"]["options"]: _override(each) for each in config.get("overrides", ())},
        arrangement=_arrangement(document.get("transformations", ()), options),
        states=_states(defaults.get("mappings", ())),
        stacked=custom.get("stacking", {}).get("mode") == "normal",
        lines_at_thresholds=custom.get("thresholdsStyle", {}).get("mode", "off") != "off",
        interval_s=seconds(document.get("interval") or "0s"),
        y_unit=options.get("yAxis", {}).get("unit", ""),
    )


def _looks(defaults: Mapping[str, Any]) -> Looks:
    cells = defaults.get("custom", {}).get("cellOptions", {}).get("type")
    return Looks(
        defaults.get("unit", ""),
        defaults.get("decimals"),
        _steps(defaults.get("thresholds", {})),
        coloured=cells == "color-background",
    )


def _override(document: Mapping[str, Any]) -> Looks:
    given = {each["id"]: each.get("value") for each in document["properties"]}
    cells = given.get("custom.cellOptions") or {}
    return Looks(
        given.get("unit", ""),
        given.get("decimals"),
        _steps(given.get("thresholds") or {}),
        coloured=cells.get("type") == "color-background",
    )


def _steps(thresholds: Mapping[str, Any]) -> tuple[tuple[float | None, str], ...]:
    return tuple((step.get("value"), step["color"]) for step in thresholds.get("steps", ()))


def _arrangement(transformations: Sequence[Mapping[str, Any]], options: Mapping[str, Any]) -> Arrangement:
    given = {each["id"]: each["options"] for each in transformations}
    organize, matrix = given.get("organize", {}), given.get("groupingToMatrix", {})
    names = organize.get("renameByName", {})
    order = organize.get("indexByName", {})
    titles = {name: names[name] for name in sorted(names, key=lambda name: order.get(name, 99))}
    sort_by = next((each["displayName"] for each in options.get("sortBy") or ()), None)
    return Arrangement(titles, sort_by, matrix.get("rowField"), matrix.get("columnField"))


def _states(mappings: Sequence[Mapping[str, Any]]) -> Mapping[float, tuple[str, str]]:
    return {
        float(value): (result.get("text", value), result.get("color", "text"))
        for mapping in mappings
        for value, result in mapping["options"].items()
    }


def seconds(text: str) -> float:
    """Read a duration such as 90s or 5m; 0 if it is none."""
    found = re.fullmatch(r"(\d{1,9})([smhd])", text)
    return float(found[1]) * _UNITS_S[found[2]] if found else 0.0
