"""POST /admin/ledger/adjust, before an engine that says what a test wants."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from aiohttp import ClientSession, web

from router.core.ledger import NOTE_CHARS_MAX, AdjustmentError, CostKind, EntryKind, LedgerEntry
from router.core.order import UnavailableError
from router.http.adjusting import ADJUST, adjust
from tests.builders import EPOCH

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


@asynccontextmanager
async def asked(books: Books, **request: Any) -> AsyncIterator[tuple[int, Any]]:
    """Ask a listener that has nothing but this path."""
    app = web.Application()
    app[ADJUST] = books.adjust
    app.add_routes([web.post("/admin/ledger/adjust", adjust)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/admin/ledger/adjust"
        async with ClientSession() as session, session.post(url, **request) as response:
            yield response.status, orjson.loads(await response.read())
    finally:
        await runner.cleanup()


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
