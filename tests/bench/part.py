"""A part of the benchmark: what it needs, and what it gives."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from rich.console import RenderableType

from tests.bench.fleet import Fleet
from tests.bench.sheets import Goal, Sheet


@dataclass(frozen=True, slots=True)
class Lab:
    """Where a part measures. `folder` is gone after the run; `cores` are that of the servers and of everything else."""

    folder: Path
    cores: tuple[int, int] | None
    rounds: int
    quick: bool
    fleet: Fleet

    @property
    def core(self) -> int | None:
        """The core of the servers; None where they have to share."""
        return None if self.cores is None else self.cores[0]


@dataclass(frozen=True, slots=True)
class Report:
    """What a part found: for the terminal, for bench.json, for the page, and what makes all of it worthless."""

    tables: Sequence[RenderableType]
    document: Any
    markdown: str
    complaints: Sequence[str] = ()
    goals: Sequence[Goal] = field(default=())

    @classmethod
    def of(
        cls, sheets: Sequence[Sheet], document: Any, complaints: Sequence[str] = (), goals: Sequence[Goal] = ()
    ) -> "Report":
        """Report what sheets show."""
        markdown = "\n".join(sheet.markdown() for sheet in sheets)
        return cls([sheet.table() for sheet in sheets], document, markdown, complaints, goals)


Measure: TypeAlias = Callable[[Lab], Awaitable[Report]]


@dataclass(frozen=True, slots=True)
class Part:
    """One chapter of the run, by its name on the command line; with `alone` the fleet is ended before it."""

    name: str
    title: str
    measure: Measure
    alone: bool = True
