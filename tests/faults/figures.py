"""What a cell comes to, and everything about it that must never be."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.table import Table

from router.core.money import usd
from tests.faults.accounts import Account
from tests.faults.cells import Terms


@dataclass(frozen=True, slots=True)
class Figures:
    """One row of the table. Money is in micro-USD; `failed` counts jobs by the code that their callers see.

    `creates` reached an upstream, `accepted` were billed there. `uncertain` is open at the end; `risked_max` and
    `paid_twice_max` are of the one job that has most of it.
    """

    dialect: str
    on_ambiguous: str
    lookup: bool
    name: str
    jobs: int
    succeeded: int
    failed: Mapping[str, int]
    attempts: int
    creates: int
    accepted: int
    unrecorded: int
    duplicates: int
    risked_max: int
    paid_twice_max: int
    paid_twice: int
    duplicate_max: int
    posted: int
    uncertain: int
    billed: int
    mismatches: tuple[str, ...] = ()

    def complaints(self) -> list[str]:
        """Say which promise is broken; nothing where all are kept."""
        where = f"{self.dialect}, {self.on_ambiguous}{', lookup' if self.lookup else ''}, {self.name}"
        held = self.on_ambiguous == "hold"
        broken = {
            f"{self.unrecorded} purchases that the ledger does not know": self.unrecorded > 0,
            f"{self.duplicates} jobs bought more than once under hold": held and self.duplicates > 0,
            f"{self.risked_max} micro-USD risked under hold": held and self.risked_max > 0,
            f"a job risked {self.risked_max} of {self.duplicate_max}": self.risked_max > self.duplicate_max,
            f"a job paid {self.paid_twice_max} twice, {self.duplicate_max} allowed": self.paid_twice_max
            > self.duplicate_max,
            f"billed {self.billed}, posted {self.posted}, open {self.uncertain}": not (
                self.posted <= self.billed <= self.posted + self.uncertain
            ),
            f"{self.creates} creates of {self.attempts} attempts": self.creates > self.attempts,
            f"{self.accepted} accepted of {self.creates} creates": self.accepted > self.creates,
            f"{self.succeeded} videos and {sum(self.failed.values())} failures of {self.jobs} jobs": (
                self.succeeded + sum(self.failed.values()) != self.jobs
            ),
        }
        return [f"{where}: {text}" for text, is_broken in broken.items() if is_broken] + [
            f"{where}: {text}" for text in self.mismatches
        ]

    def document(self) -> dict[str, Any]:
        """The row as JSON."""
        return asdict(self)


def figures(terms: Terms, name: str, found: Sequence[Account], creates: int, duplicate_microusd_max: int) -> Figures:
    """Add up the accounts of a cell's jobs."""
    failed = Counter(each.job.code for each in found if each.job.code is not None)
    rows = [row for each in found for row in each.attempts]
    return Figures(
        dialect=terms.dialect,
        on_ambiguous=terms.on_ambiguous,
        lookup=terms.lookup,
        name=name,
        jobs=len(found),
        succeeded=sum(each.job.code is None for each in found),
        failed=dict(sorted(failed.items())),
        attempts=len(rows),
        creates=creates,
        accepted=sum(len(each.bought) for each in found),
        unrecorded=sum(each.unrecorded for each in found),
        duplicates=sum(each.paid > 1 for each in found),
        risked_max=max((each.risked_microusd for each in found), default=0),
        paid_twice_max=max((each.paid_twice_microusd for each in found), default=0),
        paid_twice=sum(each.paid_twice_microusd for each in found),
        duplicate_max=duplicate_microusd_max,
        posted=sum(row.posted_microusd for row in rows),
        uncertain=sum(row.open_microusd for row in rows),
        billed=sum(bought.entry.net_microusd for each in found for bought in each.bought),
        mismatches=tuple(text for each in found for text in each.mismatches),
    )


_COLUMNS = (
    *(
        "dialect",
        "policy",
        "lookup",
        "fault",
        "jobs",
        "videos",
        "failed",
        "attempts",
        "creates",
        "billed",
        "unrec.",
        "twice",
    ),
    *("risked max", "twice max", "twice USD", "posted USD", "open USD", "books USD", "misfits"),
)


def table(rows: Sequence[Figures]) -> Table:
    """Print every cell, and the sum of those of each policy."""
    shown = Table(*_COLUMNS, title="faults of creates: what became of the jobs and of the money")
    for row in rows:
        shown.add_row(*_cells(row))
    shown.add_section()
    for kind in dict.fromkeys((row.on_ambiguous, row.lookup) for row in rows):
        shown.add_row(*_cells(total([row for row in rows if (row.on_ambiguous, row.lookup) == kind])))
    return shown


def total(rows: Sequence[Figures]) -> Figures:
    """Add rows up; the most of any job stays the most of any."""
    first = rows[0]
    failed: Counter[str] = Counter()
    for row in rows:
        failed.update(row.failed)
    summed = ("jobs", "succeeded", "attempts", "creates", "accepted", "unrecorded", "duplicates", "paid_twice")
    summed += ("posted", "uncertain", "billed")
    most = ("risked_max", "paid_twice_max", "duplicate_max")
    return Figures(
        dialect="all",
        on_ambiguous=first.on_ambiguous,
        lookup=first.lookup,
        name="all",
        failed=dict(sorted(failed.items())),
        mismatches=tuple(text for row in rows for text in row.mismatches),
        **{name: sum(getattr(row, name) for row in rows) for name in summed},
        **{name: max(getattr(row, name) for row in rows) for name in most},
    )


def _cells(row: Figures) -> tuple[str, ...]:
    failed = ", ".join(f"{count} {code}" for code, count in row.failed.items())
    counts = (row.attempts, row.creates, row.accepted, row.unrecorded, row.duplicates)
    money = (row.risked_max, row.paid_twice_max, row.paid_twice, row.posted, row.uncertain, row.billed)
    return (
        *(
            row.dialect,
            row.on_ambiguous,
            "yes" if row.lookup else "no",
            row.name,
            str(row.jobs),
            str(row.succeeded),
            failed,
        ),
        *(str(count) for count in counts),
        *(usd(amount) for amount in money),
        str(len(row.mismatches)),
    )
