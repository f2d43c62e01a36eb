"""Money, entered twice: `pending` before a submit leaves, then exactly one of `posted` and `voided`, or still open.

What was closed wrongly is put right by an `adjusted` entry beside it, never by a change of what stands there.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, assert_never

from providers.canonical import Failure
from router.core.catalog import ChargeRule
from router.core.job import Attempt
from router.core.money import usd
from router.core.policy import MoneyEffect, consequences
from router.core.refusal import RefusedOrderError

TOLD_COST_QUOTES_MAX: Final = 10
"""How many times its quote an attempt may cost by the provider's own word."""

NOTE_CHARS_MAX: Final = 200
"""How long an adjustment's reason may be."""


class EntryKind(StrEnum):
    """What an entry says of its attempt's money."""

    PENDING = "pending"
    POSTED = "posted"
    VOIDED = "voided"
    ADJUSTED = "adjusted"


CLOSING_KINDS: Final = (EntryKind.POSTED, EntryKind.VOIDED)
"""The kinds of which an attempt whose money is known has exactly one entry."""


class CostKind(StrEnum):
    """What money bought. `uncertain` is never written: it is a pending entry still open."""

    DELIVERED = "delivered"
    FAILED_BILLED = "failed_billed"
    DUPLICATE = "duplicate"
    UNCERTAIN = "uncertain"


class AdjustmentError(RefusedOrderError):
    """An attempt's money cannot be corrected so."""


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One append-only row. A voided entry repeats the amount it releases.

    An adjusted one is what its attempt cost more, or less when it is negative, than its entries before it say; `note`
    says why. `cost_kind` is set on posted and adjusted entries.
    """

    attempt_id: str
    job_id: str
    provider: str
    kind: EntryKind
    amount_microusd: int
    at: float
    cost_kind: CostKind | None = None
    note: str | None = None

    def __post_init__(self) -> None:
        adjusted = self.kind is EntryKind.ADJUSTED
        if self.amount_microusd == 0 if adjusted else self.amount_microusd < 0:
            raise ValueError(f"attempt {self.attempt_id}: {self.kind} entry of {self.amount_microusd} micro-USD")
        if (adjusted or self.kind is EntryKind.POSTED) != (self.cost_kind is not None):
            raise ValueError(f"attempt {self.attempt_id}: posted and adjusted entries have a cost_kind, all of them")
        if adjusted != (self.note is not None) or (adjusted and not 1 <= len(self.note or "") <= NOTE_CHARS_MAX):
            raise ValueError(
                f"attempt {self.attempt_id}: adjusted entries have a note of 1 to {NOTE_CHARS_MAX} characters"
            )


def pending(attempt: Attempt, at: float) -> LedgerEntry:
    """Reserve the quote, before the submit leaves."""
    return LedgerEntry(attempt.id, attempt.job_id, attempt.provider, EntryKind.PENDING, attempt.quote_microusd, at)


def is_doubted(attempt: Attempt, cost_microusd: int | None) -> bool:
    """Whether a told cost is beyond belief: in another unit, of another thing, or made up."""
    return cost_microusd is not None and cost_microusd > TOLD_COST_QUOTES_MAX * attempt.quote_microusd


def posted(attempt: Attempt, cost_kind: CostKind, at: float, cost_microusd: int | None = None) -> LedgerEntry:
    """Book the money as spent: the provider's own figure where it told one, else the quote.

    The quote also where the figure is doubted: one wrong field in one answer must not drown the accounts of a year, nor
    use up what a job may spend. Nothing is lost: whoever is really billed so much sees it on the provider's invoice.
    """
    told = None if is_doubted(attempt, cost_microusd) else cost_microusd
    amount = attempt.quote_microusd if told is None else told
    return LedgerEntry(attempt.id, attempt.job_id, attempt.provider, EntryKind.POSTED, amount, at, cost_kind)


def voided(attempt: Attempt, at: float) -> LedgerEntry:
    """Release the reservation: nothing was bought."""
    return LedgerEntry(attempt.id, attempt.job_id, attempt.provider, EntryKind.VOIDED, attempt.quote_microusd, at)


def closing(attempt: Attempt, failure: Failure, rule: ChargeRule, at: float) -> LedgerEntry | None:
    """Book what a failed attempt cost, by the policy table and the contract; None leaves its money uncertain.

    An attempt that was never accepted costs nothing, and a cost that the provider told overrides its contract.
    """
    match consequences(failure).money:
        case MoneyEffect.STAYS_PENDING:
            return None
        case MoneyEffect.POST:
            billed = True
        case MoneyEffect.VOID | MoneyEffect.CONTRACT:
            told = failure.cost_microusd
            billed = attempt.remote_id is not None and (rule.bills(failure) if told is None else told > 0)
        case effect:
            assert_never(effect)
    return posted(attempt, CostKind.FAILED_BILLED, at, failure.cost_microusd) if billed else voided(attempt, at)


def cost_microusd(entry: LedgerEntry) -> int:
    """What an entry adds to its attempt's cost: all of it when posted, the difference when adjusted, else nothing."""
    return entry.amount_microusd if entry.kind in (EntryKind.POSTED, EntryKind.ADJUSTED) else 0


def cost_in_all(attempt_id: str, entries: Iterable[LedgerEntry]) -> int | None:
    """What these entries say an attempt cost; None while its money is open."""
    mine = [entry for entry in entries if entry.attempt_id == attempt_id]
    closed = any(entry.kind in CLOSING_KINDS for entry in mine)
    return sum(map(cost_microusd, mine)) if closed else None


def adjustment(attempt: Attempt, entries: Iterable[LedgerEntry], to_microusd: int, note: str, at: float) -> LedgerEntry:
    """Correct what an attempt cost to `to_microusd`; `entries` are its job's, or its own. Raises AdjustmentError.

    It is of the kind that was posted; what was voided and billed after all bought no video.
    """
    mine = [entry for entry in entries if entry.attempt_id == attempt.id]
    closed_by = next((entry for entry in mine if entry.kind in CLOSING_KINDS), None)
    if closed_by is None:
        message = (
            f"{attempt.id} is {attempt.state} and its money open; `video-router jobs resolve` says what became of it"
        )
        raise AdjustmentError(message, "money_open")
    if to_microusd < 0:
        raise AdjustmentError(f"{attempt.id} cannot have cost less than nothing", "invalid_value")
    if not 1 <= len(note.strip()) <= NOTE_CHARS_MAX or not note.isprintable():
        raise AdjustmentError(f"a note says why in one line of 1 to {NOTE_CHARS_MAX} characters", "invalid_value")
    change = to_microusd - sum(map(cost_microusd, mine))
    if change == 0:
        raise AdjustmentError(f"{attempt.id} is booked at {usd(to_microusd)} USD already", "nothing_to_adjust")
    kind, by = closed_by.cost_kind or CostKind.FAILED_BILLED, EntryKind.ADJUSTED
    return LedgerEntry(attempt.id, attempt.job_id, attempt.provider, by, change, at, kind, note.strip())


def with_money(attempt: Attempt, entry: LedgerEntry | None) -> Attempt:
    """Return the attempt knowing whether it was billed, which is the entry's word; without one that stays open."""
    return attempt if entry is None else replace(attempt, billed=entry.kind is EntryKind.POSTED)


@dataclass(frozen=True, slots=True)
class Exposure:
    """What attempts may cost in all: `posted` is certain, `open` may still be posted or voided."""

    posted_microusd: int
    open_microusd: int

    @property
    def total_microusd(self) -> int:
        """The most that these attempts can cost."""
        return self.posted_microusd + self.open_microusd


def exposure(entries: Iterable[LedgerEntry]) -> Exposure:
    """Add up what is posted, adjustments included, and what is pending with no answer yet."""
    posted_microusd = 0
    open_microusd: dict[str, int] = {}
    closed: set[str] = set()
    for entry in entries:
        if entry.kind is EntryKind.PENDING:
            open_microusd[entry.attempt_id] = entry.amount_microusd
        else:
            closed.add(entry.attempt_id)
            posted_microusd += cost_microusd(entry)
    return Exposure(posted_microusd, sum(amount for key, amount in open_microusd.items() if key not in closed))
