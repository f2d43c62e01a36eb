"""Rows as the audit reads them, an attempt's money, and a job's terms."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class JobRow:
    id: str
    caller: str
    state: str
    ended_at: float | None
    deadline_at: float
    deleted_at: float | None


@dataclass(frozen=True, slots=True)
class AttemptRow:
    id: str
    job_id: str
    number: int
    offering_id: str
    provider: str
    quote_microusd: int
    submitted_at: float
    state: str
    remote_id: str | None
    code: str | None


@dataclass(frozen=True, slots=True)
class EntryRow:
    sequence: int
    attempt_id: str
    job_id: str
    provider: str
    kind: str
    amount_microusd: int
    cost_kind: str | None


@dataclass(slots=True)
class Money:
    """An attempt's entries: `pending`, what closed it, and the sum of what corrected that."""

    pending: EntryRow | None = None
    closing: EntryRow | None = None
    adjusted_microusd: int = 0

    @property
    def most_microusd(self) -> int:
        """What it has cost, or may cost as long as nobody knows."""
        if self.closing is not None:
            return self.adjusted_microusd + (self.closing.amount_microusd if self.closing.kind == "posted" else 0)
        return self.pending.amount_microusd if self.pending else 0


@dataclass(frozen=True, slots=True)
class Terms:
    spend_microusd_max: int
    attempts_max: int
    duplicate_microusd_max: int


def least(limit: int, own: int | None) -> int:
    return limit if own is None else min(limit, own)
