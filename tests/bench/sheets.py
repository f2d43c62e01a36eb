"""Figures for people: the same sheets for a terminal and for a page of Markdown."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.box import SIMPLE
from rich.table import Table

from tests.bench.figures import Spread


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table of texts. A line break in a cell sets what qualifies its figure apart; `texts` columns are read."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""
    texts: int = 1

    def table(self) -> Table:
        """Return it for a terminal."""
        table = Table(title=self.title, box=SIMPLE, pad_edge=False, caption=self.caption or None)
        for number, heading in enumerate(self.headings):
            table.add_column(heading, justify="left" if number < self.texts else "right", overflow="fold")
        for row in self.rows:
            table.add_row(*row)
        return table

    def markdown(self) -> str:
        """Return it for a page."""
        aligned = ["---" if number < self.texts else "---:" for number in range(len(self.headings))]
        rows = [self.headings, tuple(aligned), *(tuple(map(_inline, row)) for row in self.rows)]
        lines = [f"**{self.title}**", "", *(f"| {' | '.join(row)} |" for row in rows)]
        return "\n".join([*lines, "", self.caption] if self.caption else lines) + "\n"


@dataclass(frozen=True, slots=True)
class Goal:
    """A limit for a median; without one nothing was measured that it is about."""

    what: str
    measured: Spread | None
    limit: float
    unit: str = ""
    at_least: bool = False
    digits: int = 2

    @property
    def met(self) -> bool | None:
        """Whether the median keeps it."""
        if self.measured is None:
            return None
        return self.measured.median >= self.limit if self.at_least else self.measured.median <= self.limit

    def document(self) -> dict[str, Any]:
        """Return it for a JSON file."""
        measured = None if self.measured is None else self.measured.median
        return {"what": self.what, "measured": measured, "limit": self.limit, "unit": self.unit, "met": self.met}

    def row(self) -> tuple[str, str, str, str]:
        """Return it for a sheet."""
        sign, verdict = ">=" if self.at_least else "<=", {True: "met", False: "missed", None: "not measured"}[self.met]
        return self.what, cell(self.measured, self.digits), f"{sign} {self.limit:g} {self.unit}".strip(), verdict


def goals_sheet(goals: Sequence[Goal]) -> Sheet:
    """Show all goals of a run."""
    headings = ("goal", "measured", "limit", "")
    return Sheet("goals", headings, tuple(goal.row() for goal in goals), "medians of all rounds decide")


def cell(spread: Spread | None, digits: int, sign: str = "") -> str:
    """Put the median above the least and the most of the rounds; a `+` as sign shows what is added."""
    if spread is None:
        return ""
    if spread.least == spread.most:
        return f"{spread.median:{sign}.{digits}f}"
    return f"{spread.median:{sign}.{digits}f}\n{spread.least:.{digits}f}..{spread.most:.{digits}f}"


def _inline(text: str) -> str:
    figure, line_break, rest = text.partition("\n")
    return (f"{figure} ({rest})" if line_break else text).replace("|", "\\|")
