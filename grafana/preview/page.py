"""One picture of one dashboard."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, assert_never

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from grafana.preview.canvas import COLUMN_IN, GAP_IN, ROW_IN, Canvas, named
from grafana.preview.cells import figures, table
from grafana.preview.curves import Moment, Named, Span, curves, heat, timeline
from grafana.preview.document import Dashboard, Kind, Mark, Panel
from grafana.preview.source import QueryError, Series, Source

DPI: Final = 80
HEADER_IN: Final = 0.95
WIDTH_IN: Final = 24 * COLUMN_IN
NOTE: Final = "a preview of the data, drawn from Prometheus' answers; not Grafana's rendering"


@dataclass(frozen=True, slots=True)
class Drawn:
    """What became of a dashboard: which of its panels had nothing to show, and which queries were refused."""

    empty: tuple[str, ...]
    refused: tuple[str, ...]


def height_in(dashboard: Dashboard) -> float:
    """Return the height of the page."""
    return HEADER_IN + dashboard.height * ROW_IN + GAP_IN


def draw(dashboard: Dashboard, source: Source, scrape_s: float, path: Path) -> Drawn:
    """Draw all panels where their positions on the grid say, and write a PNG."""
    figure = Figure(figsize=(WIDTH_IN, height_in(dashboard)), facecolor="#f4f5f6")
    FigureCanvasAgg(figure)
    empty, refused = [], []
    moments: dict[Mark, list[Moment]] = {}
    for mark in dashboard.marks:
        try:
            moments[mark] = _moments(mark, source, scrape_s)
        except QueryError as error:
            refused.append(f"{mark.name}: {error}")
    _head(figure, dashboard, source, moments)
    seen = [moment for each in moments.values() for moment in each]
    for panel in dashboard.panels:
        canvas = Canvas.of(figure, panel, HEADER_IN)
        if panel.kind is Kind.ROW:
            canvas.text(0.05, 0.02, panel.title, size=12, weight="bold")
            continue
        canvas.frame(panel.title)
        try:
            if not _panel(canvas, panel, source, scrape_s, seen):
                canvas.say(panel.no_data)
                empty.append(panel.title)
        except QueryError as error:
            canvas.say("the query was refused")
            refused.append(f"{panel.title}: {error}")
    figure.savefig(path, dpi=DPI)
    return Drawn(tuple(empty), tuple(refused))


def _panel(canvas: Canvas, panel: Panel, source: Source, scrape_s: float, moments: Sequence[Moment]) -> bool:
    """Draw a panel's data; False where there is none."""
    step_s = panel.step_s(source.range_s, scrape_s)
    span = Span(source.start, source.end, step_s, moments)
    filled = {target: target.filled(step_s, scrape_s, source.range_s) for target in panel.targets}
    if panel.kind in (Kind.FIGURE, Kind.TABLE):
        answers = {target: source.now(expression) for target, expression in filled.items()}
    else:
        answers = {target: source.over_time(expression, step_s) for target, expression in filled.items()}
    found = [
        Named(target.name(series.labels), series) for target, many in answers.items() for series in many if series.shown
    ]
    if not found:
        return False
    match panel.kind:
        case Kind.CURVES:
            curves(canvas, panel, found, span)
        case Kind.FIGURE:
            figures(canvas, panel, found)
        case Kind.TABLE:
            table(canvas, panel, {target.ref_id: _shown(many) for target, many in answers.items()})
        case Kind.TIMELINE:
            timeline(canvas, panel, found, span)
        case Kind.HEATMAP:
            heat(canvas, panel, found, span)
        case Kind.ROW:
            raise ValueError("a row has no data")
        case _:
            assert_never(panel.kind)
    return True


def _shown(many: Sequence[Series]) -> list[Series]:
    return [series for series in many if series.shown]


def _moments(mark: Mark, source: Source, scrape_s: float) -> list[Moment]:
    """Return when an annotation's query begins to be above zero, for each of its series."""
    step_s = max(scrape_s, round(source.range_s / 240))
    starts = []
    for series in source.over_time(mark.target.filled(step_s, scrape_s, source.range_s), step_s):
        before = 0.0
        for at, value in zip(series.times, series.values, strict=True):
            if value > 0 and at - before > 1.5 * step_s:
                starts.append(Moment(at, mark.colour))
            before = at if value > 0 else before
    return starts


def _head(figure: Figure, dashboard: Dashboard, source: Source, moments: dict[Mark, list[Moment]]) -> None:
    page_height = height_in(dashboard)

    def write(x_in: float, y_in: float, words: str, size: float, colour: str, weight: str = "normal") -> None:
        x, y = x_in / WIDTH_IN, 1 - y_in / page_height
        figure.text(x, y, words, fontsize=size, color=colour, fontweight=weight, va="top")

    start, end = (datetime.fromtimestamp(at).astimezone() for at in (source.start, source.end))
    write(0.1, 0.1, dashboard.title, 16, "#222222", "bold")
    write(0.1, 0.42, dashboard.question, 10, "#55595e")
    write(0.1, 0.66, f"{start:%Y-%m-%d %H:%M:%S} to {end:%H:%M:%S}; {NOTE}", 8.5, "#8a8f94")
    for number, (mark, found) in enumerate(moments.items()):
        words = f"┊ {mark.name}: {len(found)}"
        write(WIDTH_IN - 2.2 * (len(moments) - number), 0.66, words, 8.5, named(mark.colour))
