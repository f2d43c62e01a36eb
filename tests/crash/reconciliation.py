"""What must be true of a router's file and its upstreams' books at every moment at which the router does not run."""

import hashlib
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from providers.canonical import Reason
from providers.sandbox import Books, BooksEntry
from router.commands.ledger import examine
from router.core.job import AttemptState
from router.core.report import ReportRow
from router.engine.store.auditing import audit_source
from router.engine.store.reading import read_report
from router.reports.audit import Audit

UNANSWERED = (AttemptState.SUBMITTING, AttemptState.UNKNOWN)
LIVE = (AttemptState.SUBMITTING, AttemptState.RUNNING)
ENDED = ("completed", "failed")


@dataclass(frozen=True, slots=True)
class StoredJob:
    """A job as its row says; `prompt_sha256` is how the books know it."""

    id: str
    state: str
    prompt_sha256: str
    key: str | None
    deleted: bool

    @property
    def ended(self) -> bool:
        return self.state in ENDED


@dataclass(frozen=True, slots=True)
class Ledger:
    """Every job, every attempt with its money, and the attempts' ids upstream."""

    jobs: Mapping[str, StoredJob]
    rows: tuple[ReportRow, ...]
    remote_ids: Mapping[str, str]

    def of(self, provider: str) -> list[ReportRow]:
        return [row for row in self.rows if row.provider == provider]


def read_ledger(database: Path) -> Ledger:
    """Read the file as the last process left it, its write-ahead log included, and leave it so."""
    with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        found = connection.execute(
            "SELECT jobs.id, state, json_extract(request, '$.prompt'), key, deleted_at IS NOT NULL FROM jobs"
            " LEFT JOIN idempotency_keys ON job_id = jobs.id"
        ).fetchall()
        remote_ids = dict(connection.execute("SELECT id, remote_id FROM attempts WHERE remote_id IS NOT NULL"))
    jobs = {id_: StoredJob(id_, state, digest(prompt), key, bool(gone)) for id_, state, prompt, key, gone in found}
    assert len(jobs) == len(found), "a job with two keys"
    return Ledger(jobs, tuple(read_report(database, None)), remote_ids)


def audit_findings(database: Path) -> list[str]:
    """What `video-router ledger verify` finds, in a file in use or not."""
    audit = Audit()
    with audit_source(database) as source:
        examine(source, audit)
    return [f"ledger verify: {finding.weight}: {finding.subject} {finding.words}" for finding in audit.findings]


def digest(prompt: str) -> str:
    return hashlib.sha256(prompt.encode()).hexdigest()


def complaints(ledger: Ledger, books: Mapping[str, Books]) -> list[str]:
    """Everything that is wrong; empty at every crash point of a router that holds what is ambiguous."""
    by_prompt: dict[str, list[ReportRow]] = {}
    for row in ledger.rows:
        by_prompt.setdefault(ledger.jobs[row.job_id].prompt_sha256, []).append(row)
    found = [*_second_purchases(by_prompt), *_left_behind(ledger)]
    for provider, kept in books.items():
        mine = ledger.of(provider)
        found += _money(provider, mine, kept)
        found += _counts(provider, mine, kept)
        for entry in kept.accepted:
            attempts = [row for row in by_prompt.get(entry.prompt_sha256, ()) if row.provider == provider]
            found += _purchase(provider, entry, attempts, ledger.remote_ids)
    return found


def unfinished(ledger: Ledger) -> list[str]:
    """What a router that was left alone has still not ended, or not delivered once."""
    delivered = Counter(row.job_id for row in ledger.rows if row.cost_kind == "delivered")
    for job in ledger.jobs.values():
        delivered[job.id] += 0
    still = [f"job {job.id} is {job.state}" for job in ledger.jobs.values() if not job.ended]
    wrong = [
        f"job {id_} is {ledger.jobs[id_].state} and was delivered {times} times"
        for id_, times in delivered.items()
        if times != (ledger.jobs[id_].state == "completed")
    ]
    open_money = [
        f"attempt {row.attempt_id} is {row.state} with {row.open_microusd} open of {row.quote_microusd}"
        for row in ledger.rows
        if row.open_microusd != (row.quote_microusd if row.state in (AttemptState.UNKNOWN, AttemptState.LATE) else 0)
    ]
    return still + wrong + open_money


def _money(provider: str, mine: Sequence[ReportRow], kept: Books) -> Iterator[str]:
    posted, still_open = sum(row.posted_microusd for row in mine), sum(row.open_microusd for row in mine)
    net = kept.totals.net_microusd
    if not posted <= net <= posted + still_open:
        yield f"{provider}: posted {posted}, open {still_open}, billed {net}"


def _counts(provider: str, mine: Sequence[ReportRow], kept: Books) -> Iterator[str]:
    """A kill may come between an intent and its submit; whoever was not reached has an attempt that came to nothing."""
    creates = kept.requests.get("create", 0)
    may_not_have_arrived = sum(row.state in UNANSWERED or row.reason is Reason.UNREACHABLE for row in mine)
    if not creates <= len(mine) <= creates + may_not_have_arrived:
        yield f"{provider}: {creates} creates, {len(mine)} attempts, {may_not_have_arrived} that may not have arrived"
    twice = [prompt for prompt, times in Counter(each.prompt_sha256 for each in kept.accepted).items() if times > 1]
    if twice:
        yield f"{provider}: bought more than once: {twice}"


def _purchase(
    provider: str, entry: BooksEntry, attempts: Sequence[ReportRow], remote_ids: Mapping[str, str]
) -> Iterator[str]:
    """Every purchase is an attempt's: one that has its id, or one that waits for an answer or has lost it."""
    for row in attempts:
        known = remote_ids.get(row.attempt_id)
        if known == entry.id or (known is None and row.state in UNANSWERED):
            return
    states = [(row.attempt_id, str(row.state), str(row.reason)) for row in attempts]
    yield f"{provider}: {entry.id} was bought ({entry.net_microusd} net), and no attempt is it: {states}"


def _second_purchases(by_prompt: Mapping[str, Sequence[ReportRow]]) -> Iterator[str]:
    """Only what is known to have failed, or was given up for being slow, is followed by another submit."""
    for rows in by_prompt.values():
        for earlier in sorted(rows, key=lambda row: row.number)[:-1]:
            if earlier.state in LIVE or earlier.state is AttemptState.UNKNOWN or earlier.reason is Reason.AMBIGUOUS:
                yield f"attempt {earlier.attempt_id} is {earlier.state} for {earlier.reason}, and another one was made"
        if len({row.job_id for row in rows}) > 1:
            yield f"one order became several jobs: {sorted({row.job_id for row in rows})}"


def _left_behind(ledger: Ledger) -> Iterator[str]:
    for row in ledger.rows:
        if row.state in LIVE and ledger.jobs[row.job_id].ended:
            yield f"attempt {row.attempt_id} is {row.state}, its job has ended"
    several = Counter(ledger.remote_ids[row.attempt_id] for row in ledger.rows if row.attempt_id in ledger.remote_ids)
    if several and max(several.values()) > 1:
        yield f"one purchase is several attempts': {[id_ for id_, times in several.items() if times > 1]}"
