"""What must be true of one attempt and its ledger entries, whatever became of it."""

from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, pairwise
from typing import Final, TypeAlias

from router.core.books import BookedAttempt, BookedEntry, Finding, Weight
from router.core.job import AttemptState
from router.core.ledger import CLOSING_KINDS, TOLD_COST_QUOTES_MAX, CostKind, EntryKind

_ENDED: Final = (AttemptState.SUCCEEDED, AttemptState.FAILED)
_HAS_REMOTE_ID: Final = (AttemptState.RUNNING, AttemptState.LATE, AttemptState.SUCCEEDED)
_NO_REMOTE_ID: Final = (AttemptState.SUBMITTING, AttemptState.UNKNOWN)
_SUCCESS: Final = (CostKind.DELIVERED, CostKind.DUPLICATE)

Entries: TypeAlias = Sequence[BookedEntry]
Words: TypeAlias = Iterator[str]


def attempt_findings(attempt: BookedAttempt, entries: Entries) -> Iterator[Finding]:
    """Say all that is wrong with an attempt; `entries` are its own, in the order they were written."""
    for check in _CHECKS:
        for words in check(attempt, entries):
            yield Finding(Weight.ERROR, attempt.id, words)
    for words in _order_of_time(attempt, entries):
        yield Finding(Weight.WARNING, attempt.id, words)


def closing_of(entries: Entries) -> BookedEntry | None:
    """Return the entry that closed the money; None while it is open."""
    return next((entry for entry in entries if entry.kind in CLOSING_KINDS), None)


def _pending(attempt: BookedAttempt, entries: Entries) -> Words:
    found = [entry for entry in entries if entry.kind == EntryKind.PENDING]
    if len(found) != 1:
        yield f"has {len(found)} pending entries instead of one"
    for entry in found[:1]:
        if entry.amount_microusd != attempt.quote_microusd:
            yield f"reserved {entry.amount_microusd} micro-USD, and its quote is {attempt.quote_microusd}"
        if entry.at > attempt.submitted_at:
            yield "was submitted before its money was reserved"
        if entries[0] is not entry:
            yield "has an entry that was written before its pending one"


def _closing(attempt: BookedAttempt, entries: Entries) -> Words:
    found = [entry for entry in entries if entry.kind in CLOSING_KINDS]
    if attempt.state in _ENDED and not found:
        yield f"has {attempt.state}, and its money is still open"
    if attempt.state not in _ENDED and found:
        yield f"is {attempt.state}, and its money is {found[0].kind} already"
    if len(found) > 1:
        yield f"is {' and '.join(entry.kind for entry in found)}, which happens once"


def _amount(attempt: BookedAttempt, entries: Entries) -> Words:
    match closing_of(entries):
        case BookedEntry(kind=EntryKind.VOIDED, amount_microusd=amount) if amount != attempt.quote_microusd:
            yield f"gave back {amount} micro-USD, and its quote is {attempt.quote_microusd}"
        case BookedEntry(kind=EntryKind.POSTED, amount_microusd=amount):
            if not 0 <= amount <= TOLD_COST_QUOTES_MAX * attempt.quote_microusd:
                most = f"{TOLD_COST_QUOTES_MAX} times its quote of {attempt.quote_microusd}"
                yield f"was posted at {amount} micro-USD, which is not from 0 to {most}"
        case _:
            pass


def _cost_kind(attempt: BookedAttempt, entries: Entries) -> Words:
    closing = closing_of(entries)
    if closing is None:
        return
    if closing.kind == EntryKind.VOIDED:
        if attempt.state == AttemptState.SUCCEEDED:
            yield "has succeeded, and its money is voided"
        if closing.cost_kind is not None:
            yield f"is voided as {closing.cost_kind}, though it bought nothing"
    elif attempt.state == AttemptState.SUCCEEDED and closing.cost_kind not in _SUCCESS:
        yield f"has succeeded, and its money is posted as {closing.cost_kind}"
    elif attempt.state == AttemptState.FAILED and closing.cost_kind != CostKind.FAILED_BILLED:
        yield f"has failed, and its money is posted as {closing.cost_kind}"
    if closing.cost_kind == CostKind.DELIVERED and attempt.content_type is None:
        yield "is posted as delivered, and has no video"
    if closing.cost_kind == CostKind.DUPLICATE and attempt.content_type is not None:
        yield "is posted as a duplicate, and its video was delivered"


def _adjusted(_attempt: BookedAttempt, entries: Entries) -> Words:
    found = [entry for entry in entries if entry.kind == EntryKind.ADJUSTED]
    if not found:
        return
    closing = closing_of(entries)
    if closing is None or entries.index(closing) > entries.index(found[0]):
        yield "was adjusted before its money was posted or voided"
        return
    kind = CostKind.FAILED_BILLED if closing.kind == EntryKind.VOIDED else closing.cost_kind
    if any(entry.cost_kind != kind for entry in found):
        yield f"was adjusted as something else than {kind}, which its money was for"
    if any(entry.amount_microusd == 0 or not entry.note for entry in found):
        yield "was adjusted by nothing, or nobody said why"
    posted = closing.amount_microusd if closing.kind == EntryKind.POSTED else 0
    if min(accumulate((entry.amount_microusd for entry in found), initial=posted)) < 0:
        yield "was adjusted to less than nothing"


def _names(attempt: BookedAttempt, entries: Entries) -> Words:
    for entry in entries:
        if entry.provider != attempt.provider:
            yield f"went to {attempt.provider}, and its {entry.kind} entry is of {entry.provider}"
        if entry.kind not in tuple(EntryKind):
            yield f"has an entry of the unknown kind {entry.kind!r}"


def _row(attempt: BookedAttempt, _entries: Entries) -> Words:
    if attempt.state not in tuple(AttemptState):
        yield f"is in the unknown state {attempt.state!r}"
    if attempt.quote_microusd < 0:
        yield f"has a quote of {attempt.quote_microusd} micro-USD"


def _remote_id(attempt: BookedAttempt, _entries: Entries) -> Words:
    if attempt.state in _HAS_REMOTE_ID and attempt.remote_id is None:
        yield f"is {attempt.state}, and nobody knows as which job of {attempt.provider}"
    if attempt.state in _NO_REMOTE_ID and attempt.remote_id is not None:
        yield f"is {attempt.state}, and known to be a job of {attempt.provider}"


def _order_of_time(attempt: BookedAttempt, entries: Entries) -> Words:
    """Name what seems to have happened before its cause, as it does when a clock was set back."""
    submitted_at, accepted_at, ended_at = attempt.submitted_at, attempt.accepted_at, attempt.ended_at
    if accepted_at is not None and accepted_at < submitted_at:
        yield "was accepted before it was submitted"
    if ended_at is not None and ended_at < submitted_at:
        yield "ended before it was submitted"
    if attempt.state == AttemptState.SUCCEEDED and ended_at is not None and ended_at < (accepted_at or ended_at):
        yield "succeeded before it was accepted"
    if any(later.at < earlier.at for earlier, later in pairwise(entries)):
        yield "has an entry with an earlier time than the one written before it"


_CHECKS: Final[tuple[Callable[[BookedAttempt, Entries], Words], ...]] = (
    _row,
    _pending,
    _closing,
    _amount,
    _cost_kind,
    _adjusted,
    _names,
    _remote_id,
)
