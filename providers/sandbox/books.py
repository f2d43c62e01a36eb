"""What an upstream accepted, billed and refunded: the other side of the router's ledger."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from pydantic import TypeAdapter

from providers.canonical import Stage
from providers.sandbox.life import Status

Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class BooksEntry:
    """One accepted job. `answer_lost` says that the caller was never told its id."""

    id: str
    model: str
    seconds: int
    size: str
    prompt_sha256: str
    images: int
    billed_microusd: int
    refunded_microusd: int
    status: Status
    failed_stage: Stage | None
    answer_lost: bool
    deleted: bool
    fetches: int

    @property
    def net_microusd(self) -> int:
        """What the job costs its buyer as it stands now."""
        return self.billed_microusd - self.refunded_microusd


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over every entry."""

    accepted: int
    billed_microusd: int
    refunded_microusd: int
    net_microusd: int


@dataclass(frozen=True, slots=True)
class Books:
    """Every accepted job in order of acceptance, the sums, and how many exchanges of each kind arrived."""

    accepted: tuple[BooksEntry, ...]
    totals: Totals
    requests: Mapping[str, int]

    def document(self) -> Json:
        """The JSON form, as `GET /_sandbox/books` answers it."""
        document: Json = _BOOKS.dump_python(self, mode="json")
        return document

    @classmethod
    def parse(cls, document: Json) -> "Books":
        """Read the JSON form; raise ValueError when it is not one."""
        return _BOOKS.validate_python(document)


_BOOKS = TypeAdapter(Books)


def balance(entries: tuple[BooksEntry, ...], requests: Mapping[str, int]) -> Books:
    """Add the entries up."""
    billed = sum(entry.billed_microusd for entry in entries)
    refunded = sum(entry.refunded_microusd for entry in entries)
    return Books(entries, Totals(len(entries), billed, refunded, billed - refunded), dict(requests))
