"""A job with its attempts and their entries as they stand in the file, sound or not, for an audit."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class BookedEntry(NamedTuple):
    """A ledger entry's row; nothing about it is taken for granted."""

    attempt_id: str
    job_id: str
    provider: str
    kind: str
    amount_microusd: int
    at: float
    cost_kind: str | None
    note: str | None


class BookedAttempt(NamedTuple):
    """What of an attempt's row its money depends on."""

    id: str
    job_id: str
    number: int
    provider: str
    quote_microusd: int
    state: str
    submitted_at: float
    accepted_at: float | None
    ended_at: float | None
    remote_id: str | None
    content_type: str | None


class BookedJob(NamedTuple):
    """What of a job's row the money of its attempts depends on."""

    id: str
    state: str
    created_at: float
    ended_at: float | None


@dataclass(frozen=True, slots=True)
class Books:
    """All that is written under one job's id, in the order it was written; `job` is None when there is no such job."""

    job_id: str
    job: BookedJob | None
    attempts: tuple[BookedAttempt, ...]
    entries: tuple[BookedEntry, ...]


class Weight(StrEnum):
    """Whether a finding breaks an invariant, or may have an innocent cause outside the router."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong with a job, an attempt or the file itself (`subject`), in words for people."""

    weight: Weight
    subject: str
    words: str
