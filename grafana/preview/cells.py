"""Big figures, and tables."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from grafana.preview.canvas import Canvas, cut, named
from grafana.preview.curves import Named
from grafana.preview.document import Looks, Panel
from grafana.preview.numbers import written
from grafana.preview.source import Series

_LINE_IN = 0.24


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell's words, the number behind them if it is one, and its colour if it has one."""

    words: str
    value: float | None = None
    colour: str | None = None


@dataclass(frozen=True, slots=True)
class Grid:
    """A table: its headings, and rows of as many cells."""

    headings: Sequence[str]
    rows: Sequence[Sequence[Cell]]


def figures(canvas: Canvas, panel: Panel, found: Sequence[Named]) -> None:
    """Write one number for each series."""
    across = 1 if len(found) == 1 else max(1, min(len(found), int(canvas.width / 1.5)))
    down = math.ceil(len(found) / across)
    axes, height = canvas.plain(), canvas.height - 0.3
    size = max(9.0, min(24.0, 30 * height / down / 2))
    for number, each in enumerate(found):
        x = canvas.width * (number % across + 0.5) / across
        y = height * (number // across + 0.5) / down
        value = each.series.last
        number_words = written(value, panel.looks.unit, panel.looks.decimals)
        words, colour = panel.states.get(value, (number_words, panel.looks.colour(value)))
        name = cut(each.name, canvas.width / across, 7.5)
        lift = size / 72 * 0.35 if name else 0
        axes.text(x, y - lift, words, ha="center", va="center", fontsize=size, color=named(colour), fontweight="bold")
        axes.text(x, y + size / 72 * 0.6, name, ha="center", va="center", fontsize=7.5, color="#55595e")


def table(canvas: Canvas, panel: Panel, answers: Mapping[str, Sequence[Series]]) -> None:
    """Write rows as the panel's transformations arrange them."""
    grid = _matrix(panel, answers) if panel.arrangement.rows else _merged(panel, answers)
    room = max(1, int((canvas.height - 0.35) / _LINE_IN) - 1)
    shown = list(grid.rows[:room])
    axes, width = canvas.plain(), (canvas.width - 0.2) / len(grid.headings)
    for column, heading in enumerate(grid.headings):
        _write(axes, 0.1 + column * width, 0.02, width, Cell(heading), bold=True)
        for row, cells in enumerate(shown, 1):
            _write(axes, 0.1 + column * width, 0.02 + row * _LINE_IN, width, cells[column])
    if len(shown) < len(grid.rows):
        canvas.text(canvas.width - 1.4, 0.1, f"{len(shown)} of {len(grid.rows)} rows", size=8, colour="grey")


def _write(axes: Axes, x: float, y: float, width: float, cell: Cell, *, bold: bool = False) -> None:
    if cell.colour is not None:
        axes.add_patch(Rectangle((x, y), width - 0.02, _LINE_IN - 0.02, color=named(cell.colour)))
    axes.text(
        x + 0.05,
        y + _LINE_IN / 2,
        cut(cell.words, width - 0.1, 8),
        fontsize=8,
        va="center",
        fontweight="bold" if bold else "normal",
        color="white" if cell.colour not in (None, "text") else "#222222",
    )


def _merged(panel: Panel, answers: Mapping[str, Sequence[Series]]) -> Grid:
    """Join the answers of all queries by their labels, one row for each set of them."""
    titles = panel.arrangement.titles
    single = len(answers) == 1
    keys = [name for name in titles if not name.startswith("Value")]
    rows: dict[tuple[str, ...], dict[str, float]] = {}
    for ref_id, found in answers.items():
        for series in found:
            row = rows.setdefault(tuple(series.labels.get(key, "") for key in keys), {})
            row["Value" if single else f"Value #{ref_id}"] = series.last
    made = []
    for labels, values in rows.items():
        named_cells = {titles[key]: Cell(label) for key, label in zip(keys, labels, strict=True)}
        looks = {name: panel.columns.get(title, panel.looks) for name, title in titles.items() if name not in keys}
        named_cells |= {titles[name]: _cell(values.get(name), look) for name, look in looks.items()}
        made.append([named_cells[title] for title in titles.values()])
    return _sorted(Grid(list(titles.values()), made), panel.arrangement.sort_by)


def _sorted(grid: Grid, by: str | None) -> Grid:
    if by not in grid.headings:
        return grid
    column = grid.headings.index(by)

    def height(row: Sequence[Cell]) -> float:
        value = row[column].value
        return -math.inf if value is None else value

    return Grid(grid.headings, sorted(grid.rows, key=height, reverse=True))


def _matrix(panel: Panel, answers: Mapping[str, Sequence[Series]]) -> Grid:
    down, across = panel.arrangement.rows or "", panel.arrangement.across or ""
    values = {
        (series.labels.get(down, ""), series.labels.get(across, "")): series.last
        for found in answers.values()
        for series in found
    }
    columns = list(dict.fromkeys(column for _, column in values))
    rows = [
        [Cell(row), *(_cell(values.get((row, column)), panel.looks) for column in columns)]
        for row in dict.fromkeys(row for row, _ in values)
    ]
    return Grid([f"{down}\\{across}", *columns], rows)


def _cell(value: float | None, looks: Looks) -> Cell:
    if value is None or math.isnan(value):
        return Cell("")
    return Cell(written(value, looks.unit, looks.decimals), value, looks.colour(value) if looks.coloured else None)
