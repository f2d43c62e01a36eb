"""An audit of the books: every job with its attempts and their money, one after the other, and the sums of all."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from router.core.books import BookedAttempt, BookedEntry, Books, Finding, Weight
from router.core.job import AttemptState, JobState
from router.core.ledger import CostKind, EntryKind
from router.reports.attempt_audit import attempt_findings, closing_of

FINDINGS_KEPT_MAX: Final = 1_000
OPEN: Final = "open"
_AT_WORK: Final = (AttemptState.SUBMITTING, AttemptState.RUNNING)
_OVER: Final = (JobState.COMPLETED, JobState.FAILED)


@dataclass(slots=True)
class Sum:
    """So many amounts, and what they come to."""

    count: int = 0
    microusd: int = 0

    def add(self, microusd: int) -> None:
        """Add one."""
        self.count += 1
        self.microusd += microusd


@dataclass(slots=True)
class Audit:
    """What was looked at, what is wrong with it, and each provider's sums.

    A sum is of what was posted for a `CostKind`, `voided`, `adjusted` or still `open`. Of the findings only the first
    are kept, and all are counted.
    """

    jobs: int = 0
    attempts: int = 0
    entries: int = 0
    findings: list[Finding] = field(default_factory=list)
    errors: int = 0
    warnings: int = 0
    sums: dict[str, dict[str, Sum]] = field(default_factory=dict)

    def look_at(self, books: Books) -> None:
        """Check one job's books, and add them up."""
        self.jobs += books.job is not None
        self.attempts += len(books.attempts)
        self.entries += len(books.entries)
        mine = _by_attempt(books)
        for finding in _findings(books, mine):
            self.find(finding)
        for attempt in books.attempts:
            self._add(attempt, mine[attempt.id])

    def find(self, finding: Finding) -> None:
        """Take note of something wrong."""
        if finding.weight is Weight.ERROR:
            self.errors += 1
        else:
            self.warnings += 1
        if len(self.findings) < FINDINGS_KEPT_MAX:
            self.findings.append(finding)

    def _add(self, attempt: BookedAttempt, entries: Sequence[BookedEntry]) -> None:
        sums = self.sums.setdefault(attempt.provider, {})
        is_open = closing_of(entries) is None
        for entry in entries:
            if entry.kind != EntryKind.PENDING:
                name = str(entry.cost_kind) if entry.kind == EntryKind.POSTED else entry.kind
            elif is_open:
                name = OPEN
            else:
                continue
            sums.setdefault(name, Sum()).add(entry.amount_microusd)


def _by_attempt(books: Books) -> dict[str, list[BookedEntry]]:
    mine: dict[str, list[BookedEntry]] = {attempt.id: [] for attempt in books.attempts}
    for entry in books.entries:
        mine.setdefault(entry.attempt_id, []).append(entry)
    return mine


def _findings(books: Books, mine: dict[str, list[BookedEntry]]) -> Iterator[Finding]:
    for words in _job_errors(books, mine):
        yield Finding(Weight.ERROR, books.job_id, words)
    if books.job is not None and books.job.ended_at is not None and books.job.ended_at < books.job.created_at:
        yield Finding(Weight.WARNING, books.job_id, "ended before it was accepted")
    for attempt in books.attempts:
        yield from attempt_findings(attempt, mine[attempt.id])


def _job_errors(books: Books, mine: dict[str, list[BookedEntry]]) -> Iterator[str]:
    if books.job is None:
        yield "is no job, and there are attempts or entries of it"
    for stranger in mine.keys() - {attempt.id for attempt in books.attempts}:
        yield f"has an entry of {stranger}, which is no attempt of this job"
    numbers = [attempt.number for attempt in books.attempts]
    if numbers != list(range(1, len(numbers) + 1)):
        yield f"has attempts numbered {', '.join(map(str, numbers[:20]))} instead of from 1 without a gap"
    if books.job is not None:
        yield from _state_errors(books.job.state, books.attempts, mine)


def _state_errors(state: str, attempts: Sequence[BookedAttempt], mine: dict[str, list[BookedEntry]]) -> Iterator[str]:
    at_work = [attempt.id for attempt in attempts if attempt.state in _AT_WORK]
    if state in _OVER and at_work:
        yield f"is {state}, and {at_work[0]} is still at work for it"
    if len(at_work) > 1:
        yield f"has {len(at_work)} attempts at work at the same time"
    if state not in tuple(JobState):
        yield f"is in the unknown state {state!r}"
    if state == JobState.QUEUED and attempts:
        yield "is queued, and has been attempted"
    if state == JobState.IN_PROGRESS and not attempts:
        yield "is in progress, and was never attempted"
    delivered = sum(
        entry.kind == EntryKind.POSTED and entry.cost_kind == CostKind.DELIVERED
        for attempt in attempts
        for entry in mine[attempt.id]
    )
    if delivered != (state == JobState.COMPLETED):
        yield f"is {state}, and paid for as delivered {delivered} times"
    served = sum(attempt.content_type is not None for attempt in attempts)
    if served != (state == JobState.COMPLETED):
        yield f"is {state}, and has {served} videos to serve"
