"""What the router's file says of each job and what its providers' books say, held against each other entry by entry."""

import hashlib
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from providers.sandbox import BooksEntry, Sandbox
from router.core.ledger import CostKind
from router.core.report import ReportRow
from router.engine.store.reading import read_report


@dataclass(frozen=True, slots=True)
class Ordered:
    """One job: what was asked, and how it ended for its caller; `code` is None for a video."""

    id: str
    prompt: str
    code: str | None


@dataclass(frozen=True, slots=True)
class Bought:
    """One accepted job of an upstream, and the attempt that it belongs to, if there is one."""

    provider: str
    entry: BooksEntry
    attempt: ReportRow | None


@dataclass(frozen=True, slots=True)
class Account:
    """One job's attempts, what was really bought for it, and everything that does not fit."""

    job: Ordered
    attempts: tuple[ReportRow, ...]
    bought: tuple[Bought, ...]
    mismatches: tuple[str, ...]

    @property
    def unrecorded(self) -> int:
        """Purchases that no attempt of the ledger stands for."""
        return sum(each.attempt is None for each in self.bought)

    @property
    def paid(self) -> int:
        """How many purchases are billed and not refunded."""
        return sum(each.entry.net_microusd > 0 for each in self.bought)

    @property
    def paid_twice_microusd(self) -> int:
        """What was billed beyond one video: the delivered one, else the last one bought."""
        billed = [each for each in self.bought if each.entry.net_microusd > 0]
        if not billed:
            return 0
        delivered = [each for each in billed if each.attempt and each.attempt.cost_kind is CostKind.DELIVERED]
        kept = (delivered or billed[-1:])[0]
        return sum(each.entry.net_microusd for each in billed) - kept.entry.net_microusd

    @property
    def risked_microusd(self) -> int:
        """What the job's earlier attempts may have bought for nothing when it went on to its last one."""
        return sum(each.open_microusd + _duplicate_microusd(each) for each in self.attempts[:-1])


def _duplicate_microusd(row: ReportRow) -> int:
    return row.posted_microusd if row.cost_kind is CostKind.DUPLICATE else 0


def accounts(database: Path, sandboxes: Mapping[str, Sandbox], jobs: Sequence[Ordered]) -> list[Account]:
    """Take each job's account; prompts have to differ, for the books know a job by its prompt's digest only."""
    rows = _by_job(read_report(database, None))
    remote_ids = read_remote_ids(database)
    entries = _by_digest(sandboxes)
    found = [_account(job, rows.pop(job.id, ()), remote_ids, entries.pop(_digest(job.prompt), ())) for job in jobs]
    strangers = [f"{name}: {entry.id} was bought for no job" for each in entries.values() for name, entry in each]
    if strangers:
        raise AssertionError("; ".join(strangers[:5]))
    return found


def read_remote_ids(database: Path) -> dict[str, str]:
    """Read which upstream job each attempt is known to have."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return dict(connection.execute("SELECT id, remote_id FROM attempts WHERE remote_id IS NOT NULL"))


def uncertain_microusd(database: Path) -> int:
    """Read how much money is open on attempts that nobody is told of any more."""
    query = (
        "SELECT coalesce(sum(quote_microusd), 0) FROM attempts WHERE state IN ('unknown', 'late') AND NOT EXISTS "
        "(SELECT 1 FROM ledger_entries WHERE attempt_id = attempts.id AND kind IN ('posted', 'voided'))"
    )
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return int(connection.execute(query).fetchone()[0])


def _account(
    job: Ordered,
    attempts: Sequence[ReportRow],
    remote_ids: Mapping[str, str],
    entries: Sequence[tuple[str, BooksEntry]],
) -> Account:
    ordered = tuple(sorted(attempts, key=lambda row: row.number))
    bought = tuple(Bought(name, entry, _owner(name, entry, ordered, remote_ids)) for name, entry in entries)
    mismatches = (*_twice_owned(bought), *(text for row in ordered for text in _misfits(row, bought)))
    return Account(job, ordered, bought, tuple(f"{job.id}: {text}" for text in mismatches))


def _owner(
    provider: str, entry: BooksEntry, attempts: Iterable[ReportRow], remote_ids: Mapping[str, str]
) -> ReportRow | None:
    """Find the attempt that bought this: the one that knows its id, else one whose answer was lost."""
    mine = [row for row in attempts if row.provider == provider]
    known = [row for row in mine if remote_ids.get(row.attempt_id) == entry.id]
    lost = [row for row in mine if row.attempt_id not in remote_ids]
    return next(iter((*known, *lost)), None)


def _twice_owned(bought: Iterable[Bought]) -> Iterator[str]:
    owners = Counter(each.attempt.attempt_id for each in bought if each.attempt is not None)
    yield from (f"attempt {name} bought {count} times" for name, count in owners.items() if count > 1)


def _misfits(row: ReportRow, bought: Iterable[Bought]) -> Iterator[str]:
    """Hold an attempt's money against its entry: posted exactly, voided nothing, open no more than reserved."""
    net = sum(each.entry.net_microusd for each in bought if each.attempt is row)
    places = (row.open_microusd > 0, row.cost_kind is not None, row.voided)
    if sum(places) != 1:
        yield f"attempt {row.number} at {row.provider} has its money in {sum(places)} places"
    if row.cost_kind is not None and row.posted_microusd != net:
        yield f"attempt {row.number} at {row.provider} posted {row.posted_microusd}, billed {net}"
    if row.voided and net:
        yield f"attempt {row.number} at {row.provider} voided, billed {net}"
    if net > row.open_microusd + row.posted_microusd:
        yield f"attempt {row.number} at {row.provider} billed {net}, of which {net - row.open_microusd} unaccounted"


def _by_job(rows: Iterable[ReportRow]) -> dict[str, Sequence[ReportRow]]:
    found: dict[str, Any] = {}
    for row in rows:
        found.setdefault(row.job_id, []).append(row)
    return found


def _by_digest(sandboxes: Mapping[str, Sandbox]) -> dict[str, Sequence[tuple[str, BooksEntry]]]:
    found: dict[str, Any] = {}
    for name, sandbox in sandboxes.items():
        for entry in sandbox.books().accepted:
            found.setdefault(entry.prompt_sha256, []).append((name, entry))
    return found


def _digest(prompt: str) -> str:
    return hashlib.sha256(prompt.encode()).hexdigest()
