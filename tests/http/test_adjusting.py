"""POST /admin/ledger/adjust, before an engine that says what a test wants."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

import pytest

from router.core.ledger import NOTE_CHARS_MAX, AdjustmentError, CostKind, EntryKind, LedgerEntry
from router.core.order import UnavailableError
from router.http.adjusting import ADJUST, adjust
from tests.builders import EPOCH
from tests.http.operators import ordered

ENTRY = LedgerEntry("video_1-1", "video_1", "alpha", EntryKind.ADJUSTED, -7, EPOCH, CostKind.DELIVERED, "invoice 7")
ASKED: dict[str, Any] = {"attempt": "video_1-1", "to_usd": "0.12", "note": "invoice 7"}


@dataclass
class Books:
    """Does what it is told, or refuses."""

    refusal: Exception | None = None
    seen: list[tuple[str, int, str]] = field(default_factory=list)

    async def adjust(self, attempt_id: str, to_microusd: int, note: str) -> LedgerEntry:
        self.seen.append((attempt_id, to_microusd, note))
        if self.refusal is not None:
            raise self.refusal
        return ENTRY


def asked(books: Books, **request: Any) -> AbstractAsyncContextManager[tuple[int, Any]]:
    return ordered("/admin/ledger/adjust", adjust, ADJUST, books.adjust, **request)


async def test_what_was_written_is_answered() -> None:
    books = Books()
    async with asked(books, json=ASKED) as (status, answer):
        assert status == 200
        assert answer == {
            "object": "ledger.entry",
            "attempt": "video_1-1",
            "job": "video_1",
            "provider": "alpha",
            "kind": "adjusted",
            "amount_microusd": -7,
            "cost_kind": "delivered",
            "cost_microusd": 120_000,
            "note": "invoice 7",
        }
    assert books.seen == [("video_1-1", 120_000, "invoice 7")]


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"attempt": None}, "attempt"),
        ({"attempt": "video 1"}, "attempt"),
        ({"to_usd": 0.12}, "to_usd"),
        ({"to_usd": "-1"}, "to_usd"),
        ({"to_usd": "much"}, "to_usd"),
        ({"note": None}, "note"),
        ({"note": " "}, "note"),
        ({"note": "two\nlines"}, "note"),
        ({"note": "x" * (NOTE_CHARS_MAX + 1)}, "note"),
        ({"cost_kind": "duplicate"}, "cost_kind"),
    ],
)
async def test_a_field_that_is_wrong_is_named(changes: dict[str, Any], param: str) -> None:
    books = Books()
    async with asked(books, json={**ASKED, **changes}) as (status, answer):
        assert (status, answer["error"]["param"]) == (400, param)
    assert books.seen == []


@pytest.mark.parametrize(
    ("refusal", "status"),
    [
        (AdjustmentError("no such", "attempt_not_found"), 404),
        (AdjustmentError("open", "money_open"), 409),
        (AdjustmentError("the same", "nothing_to_adjust"), 409),
        (AdjustmentError("another was quicker", "changed_meanwhile"), 409),
        (AdjustmentError("less than nothing", "invalid_value"), 422),
        (UnavailableError("later", 5.0), 503),
    ],
)
async def test_a_refusal_is_told_in_the_envelope(refusal: Exception, status: int) -> None:
    async with asked(Books(refusal), json=ASKED) as (answered, answer):
        assert (answered, answer["error"]["message"]) == (status, str(refusal))


async def test_a_web_page_corrects_nothing() -> None:
    books = Books()
    async with asked(books, json=ASKED, headers={"Origin": "https://evil.example"}) as (status, answer):
        assert (status, answer["error"]["code"]) == (403, "origin_refused")
    assert books.seen == []
