"""Curves, areas on top of each other, bars of states, and heat."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MultipleLocator

from grafana.preview.canvas import Canvas, clock, cut, named, palette
from grafana.preview.document import Panel
from grafana.preview.numbers import round_step, written
from grafana.preview.source import Series


@dataclass(frozen=True, slots=True)
class Named:
    """A series and what its panel calls it."""

    name: str
    series: Series


@dataclass(frozen=True, slots=True)
class Moment:
    """A point of an annotation."""

    at: float
    colour: str


@dataclass(frozen=True, slots=True)
class Span:
    """The range that is drawn, its step, and what happened within."""

    start: float
    end: float
    step_s: float
    moments: Sequence[Moment]


def curves(canvas: Canvas, panel: Panel, found: Sequence[Named], span: Span) -> None:
    """Draw series over time."""
    names = [each.name or panel.title for each in found]
    axes = canvas.axes(0.35 + 0.16 * canvas.legend_rows(names))
    if panel.stacked:
        _stack(axes, found, span.step_s)
    else:
        for number, each in enumerate(found):
            times, values = _gapped(each.series, span.step_s)
            axes.plot(times, values, color=palette(number), linewidth=1.2, marker=".", markersize=2.5)
    if panel.lines_at_thresholds:
        for bound, colour in panel.looks.thresholds:
            if bound is not None:
                axes.axhline(bound, color=named(colour), linestyle="--", linewidth=0.9)
    axes.set_ylim(bottom=0)
    step = round_step(axes.get_ylim()[1], panel.looks.unit)
    if step is not None:
        axes.yaxis.set_major_locator(MultipleLocator(step))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: written(value, panel.looks.unit)))
    _over(axes, span)
    handles = [Patch(color=palette(number)) for number in range(len(found))]
    canvas.legend(axes, handles, names)


def timeline(canvas: Canvas, panel: Panel, found: Sequence[Named], span: Span) -> None:
    """Draw a bar for each series, coloured by its state."""
    axes = canvas.axes(0.51, left_in=1.9)
    for row, each in enumerate(found):
        for value, begin, end in _runs(each.series, span.step_s):
            _, colour = panel.states.get(value, ("", "text"))
            axes.barh(row, end - begin, left=begin, color=named(colour), height=0.7)
    axes.set_yticks(range(len(found)), [cut(each.name, 1.8, 7) for each in found])
    axes.set_ylim(len(found) - 0.4, -0.6)
    _over(axes, span)
    handles = [Patch(color=named(colour)) for _, colour in panel.states.values()]
    canvas.legend(axes, handles, [text for text, _ in panel.states.values()])


def heat(canvas: Canvas, panel: Panel, found: Sequence[Named], span: Span) -> None:
    """Draw how many fell between each two buckets' bounds, from cumulative buckets."""
    buckets = sorted(found, key=lambda each: float(each.series.labels["le"]))
    times = _with_gaps({at for each in buckets for at in each.series.times}, span.step_s)
    grid = np.zeros((len(buckets), len(times)))
    for row, each in enumerate(buckets):
        for at, value in zip(each.series.times, each.series.values, strict=True):
            grid[row, times.index(at)] = value if math.isfinite(value) else 0.0
    grid = np.clip(np.diff(grid, axis=0, prepend=0.0), 0.0, None)
    used = [row for row in range(len(buckets)) if grid[row].any()]
    low, high = (used[0], used[-1] + 1) if used else (0, len(buckets))
    grid, buckets = grid[low:high], buckets[low:high]
    axes = canvas.axes(0.35)
    axes.grid(visible=False)
    edges = [times[0] - span.step_s, *times]
    shades = mpl.colormaps["YlOrRd"]
    axes.pcolormesh(edges, range(len(buckets) + 1), np.ma.masked_less_equal(np.sqrt(grid), 0), cmap=shades)
    axes.set_yticks(
        [row + 1 for row in range(len(buckets))],
        [written(float(each.series.labels["le"]), panel.y_unit or panel.looks.unit) for each in buckets],
    )
    _over(axes, span)


def _stack(axes: Axes, found: Sequence[Named], step_s: float) -> None:
    known = {at for each in found for at in each.series.times}
    times = _with_gaps(known, step_s)
    base = np.array([0.0 if at in known else math.nan for at in times])
    for number, each in enumerate(found):
        values = dict(zip(each.series.times, each.series.values, strict=True))
        top = base + np.array([_number(values.get(at, 0.0)) for at in times])
        axes.fill_between(times, base, top, color=palette(number), alpha=0.75, linewidth=0.4)
        base = top


def _with_gaps(known: Collection[float], step_s: float) -> list[float]:
    """Return moments in order, with another one at the end of each gap between them."""
    times: list[float] = []
    for at in sorted(known):
        if times and at - times[-1] > 1.5 * step_s:
            times.append(at - step_s)
        times.append(at)
    return times


def _runs(series: Series, step_s: float) -> list[tuple[float, float, float]]:
    """Join steps of the same value to a value, a beginning and an end."""
    runs: list[tuple[float, float, float]] = []
    for at, value in zip(series.times, series.values, strict=True):
        if runs and runs[-1][0] == value and at - runs[-1][2] < 1.5 * step_s:
            runs[-1] = (value, runs[-1][1], at)
        else:
            runs.append((value, at - step_s, at))
    return runs


def _gapped(series: Series, step_s: float) -> tuple[list[float], list[float]]:
    """Break a line where a step is missing."""
    times: list[float] = []
    values: list[float] = []
    before = math.inf
    for at, value in zip(series.times, series.values, strict=True):
        if at - before > 1.5 * step_s:
            times.append(before + step_s)
            values.append(math.nan)
        times.append(at)
        values.append(value if math.isfinite(value) else math.nan)
        before = at
    return times, values


def _over(axes: Axes, span: Span) -> None:
    for moment in span.moments:
        axes.axvline(moment.at, color=named(moment.colour), linewidth=0.9, linestyle=":")
    clock(axes, span.start, span.end)


def _number(value: float) -> float:
    return value if math.isfinite(value) else 0.0
