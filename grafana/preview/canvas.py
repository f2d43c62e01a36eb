"""The box of one panel: its frame, its title, and a place to draw in."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from grafana.preview.document import Panel

COLUMN_IN: Final = 0.75
ROW_IN: Final = 0.42
GAP_IN: Final = 0.06
_TITLE_IN: Final = 0.3
_TICKS_MAX: Final = 7
_LEGEND_ROWS_MAX: Final = 3
_CLOCK_STEPS_S: Final = (10, 20, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600, 43_200, 86_400, 604_800)
_PALETTE: Final = (
    *("#3274d9", "#e0752d", "#56a64b", "#c4162a", "#8f3bb8", "#b8860b", "#1f9e9e", "#d6408f", "#6c757d", "#7a9a01"),
    *("#8ab8ff", "#ffb357", "#96d98d", "#ff7383", "#ca95e5", "#ffe08a", "#8fdede", "#f5a6ce", "#b0b7bd", "#c9dd6b"),
)
_NAMED: Final = {
    "green": "#3f9142",
    "yellow": "#e0b400",
    "orange": "#e0752d",
    "red": "#c4162a",
    "blue": "#3274d9",
    "text": "#222222",
}


def palette(number: int) -> str:
    """The colour of the n-th series; they come again after twenty."""
    return _PALETTE[number % len(_PALETTE)]


def named(colour: str) -> str:
    """A colour that matplotlib knows for one that Grafana knows."""
    name = colour.removeprefix("dark-").removeprefix("semi-dark-").removeprefix("light-")
    return _NAMED.get(name, colour if colour.startswith("#") else "#6c757d")


@dataclass(frozen=True, slots=True)
class Canvas:
    """A panel's rectangle on the page, in inches from the page's top left."""

    figure: Figure
    left: float
    top: float
    width: float
    height: float

    @classmethod
    def of(cls, figure: Figure, panel: Panel, header_in: float) -> "Canvas":
        return cls(
            figure,
            panel.x * COLUMN_IN + GAP_IN,
            header_in + panel.y * ROW_IN + GAP_IN,
            panel.width * COLUMN_IN - 2 * GAP_IN,
            panel.height * ROW_IN - 2 * GAP_IN,
        )

    def frame(self, title: str) -> None:
        """Draw the box and its title."""
        x, y, width, height = self._share(0, 0, self.width, self.height)
        box = Rectangle(
            (x, y), width, height, transform=self.figure.transFigure, fc="white", ec="#d5d7da", lw=0.8, zorder=-1
        )
        self.figure.add_artist(box)
        self.text(0.1, 0.08, cut(title, self.width - 0.2, 9.5), size=9.5, weight="bold")

    def text(
        self, x: float, y: float, words: str, *, size: float, weight: str = "normal", colour: str = "text"
    ) -> None:
        """Write at inches from the box's top left; y is the top of the letters."""
        left, bottom, _, _ = self._share(x, y, 0, 0)
        self.figure.text(left, bottom, words, fontsize=size, fontweight=weight, color=named(colour), va="top")

    def say(self, words: str) -> None:
        """Write what is said in the place of data."""
        x, y, width, height = self._share(0, 0, self.width, self.height)
        self.figure.text(x + width / 2, y + height / 2.3, words, ha="center", va="center", fontsize=10, color="#8a8f94")

    def axes(self, below_in: float, left_in: float = 0.62) -> Axes:
        """Make axes that leave room for the title above and for labels and a legend below."""
        inner = self._share(left_in, _TITLE_IN + 0.05, self.width - left_in - 0.15, self.height - _TITLE_IN - below_in)
        axes = self.figure.add_axes(inner)
        axes.tick_params(labelsize=7, colors="#55595e", length=2)
        axes.grid(visible=True, color="#eceef0", linewidth=0.7)
        axes.set_axisbelow(True)
        for spine in axes.spines.values():
            spine.set_color("#d5d7da")
        return axes

    def plain(self) -> Axes:
        """Make axes in inches, without any of their looks, for cells and figures; y grows downwards."""
        axes = self.figure.add_axes(self._share(0, _TITLE_IN, self.width, self.height - _TITLE_IN))
        axes.set_axis_off()
        axes.set_xlim(0, self.width)
        axes.set_ylim(self.height - _TITLE_IN, 0)
        return axes

    def legend_rows(self, names: Sequence[str]) -> int:
        """Return how many rows a legend takes."""
        return min(_LEGEND_ROWS_MAX, math.ceil(len(names) / self._across(names)))

    def legend(self, axes: Axes, handles: Sequence[Patch], names: Sequence[str]) -> None:
        """Name the series below the axes, as many as there is room for."""
        rows, across = self.legend_rows(names), self._across(names)
        room = across * rows
        shown = list(names) if len(names) <= room else [*names[: room - 1], f"and {len(names) - room + 1} more"]
        marks = list(handles[: len(shown)])
        if len(names) > room:
            marks[-1] = Patch(color="none")
        axes.legend(
            marks,
            [cut(name, (self.width - 0.3) / across - 0.3, 7) for name in shown],
            loc="upper left",
            bbox_to_anchor=(-0.5 / self.width, -0.3 / max(0.3, self.height - _TITLE_IN - 0.3 - 0.16 * rows)),
            ncols=across,
            fontsize=7,
            frameon=False,
            handlelength=1.0,
            handleheight=0.7,
            columnspacing=1.0,
            handletextpad=0.4,
            labelspacing=0.25,
            borderpad=0,
        )

    def _across(self, names: Sequence[str]) -> int:
        longest = max(len(name) for name in names)
        return max(1, min(len(names), int((self.width - 0.3) / (0.062 * min(longest, 60) + 0.35))))

    def _share(self, x: float, y: float, width: float, height: float) -> tuple[float, float, float, float]:
        page_width, page_height = self.figure.get_size_inches()
        bottom = page_height - self.top - y - height
        return (self.left + x) / page_width, bottom / page_height, width / page_width, height / page_height


def clock(axes: Axes, start: float, end: float) -> None:
    """Write wall time below, at round moments of the range."""
    step_s = next((each for each in _CLOCK_STEPS_S if (end - start) / each <= _TICKS_MAX), _CLOCK_STEPS_S[-1])
    form = "%H:%M:%S" if step_s < 60 else "%H:%M" if step_s < 43_200 else "%m-%d"
    first = step_s * math.ceil(start / step_s)
    ticks = [first + step_s * number for number in range(int((end - first) // step_s) + 1)]
    axes.set_xlim(start, end)
    axes.set_xticks(ticks, [datetime.fromtimestamp(at).astimezone().strftime(form) for at in ticks])


def cut(words: str, width_in: float, size: float) -> str:
    """Shorten what is too long for its place."""
    room = max(4, int(width_in / (size * 0.0078)))
    return words if len(words) <= room else words[: room - 1] + "…"
