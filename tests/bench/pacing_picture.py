"""The curves as a picture: polls per job against detection lag, one panel for each model."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tests.bench.pacing_report import OPTIMUM, WEBHOOKS, Paced

_ACROSS: Final = 2
_POINTS: Final = 60


def draw(found: Sequence[Paced], file: Path) -> None:
    """Write a PNG; raises OSError when it cannot be written."""
    figure = Figure(figsize=(13.0, 10.0), layout="constrained")
    panels = figure.subplots(-(-len(found) // _ACROSS), _ACROSS)
    for axes, paced in zip(panels.flat, found, strict=False):
        _draw(axes, paced)
    figure.suptitle("Polls per job against the time until a poll sees its end: below and to the left is better")
    figure.savefig(file, format="png", dpi=110)


def _draw(axes: Axes, paced: Paced) -> None:
    polls_min = min(each.polls for each in paced.told.values())
    polls_max = max(each.polls for each in paced.silent.values())
    polls = [polls_min * (polls_max / polls_min) ** (number / _POINTS) for number in range(_POINTS + 1)]
    product = paced.silent[OPTIMUM].product
    axes.plot(polls, [product / each for each in polls], color="black", linewidth=0.8, label="the optimum's curve")
    for number, (way, figures) in enumerate(paced.silent.items()):
        axes.scatter(figures.polls, figures.lag_s, color=f"C{number}", label=way, zorder=3)
    for way, figures in paced.told.items():
        axes.scatter(figures.polls, figures.lag_s, color="grey", marker="^" if WEBHOOKS in way else "x", zorder=2)
        axes.annotate(way, (figures.polls, figures.lag_s), textcoords="offset points", xytext=(4, 3), fontsize=6)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_title(f"jobs of {paced.model}")
    axes.set_xlabel("polls per job")
    axes.set_ylabel("mean lag, s")
    axes.legend(fontsize="x-small")
