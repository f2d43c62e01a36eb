"""POST /admin/attempts/resolve, before an engine that says what a test wants."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

import pytest

from router.core.job import Attempt, AttemptState
from router.core.order import UnavailableError
from router.core.resolution import Billed, Found, NotFound, Resolution, ResolutionError
from router.http.operators import BODY_BYTES_MAX
from router.http.resolving import REMOTE_ID_CHARS_MAX, RESOLVE, resolve
from tests.builders import an_attempt
from tests.http.operators import ordered

LATE = an_attempt(id="video_1-1", state=AttemptState.LATE, remote_id="task_42")
FAILED = an_attempt(id="video_1-1", state=AttemptState.FAILED)


@dataclass
class Books:
    """Does what it is told, or refuses."""

    refusal: Exception | None = None
    seen: list[tuple[str, Resolution]] = field(default_factory=list)

    async def resolve(self, name: str, resolution: Resolution) -> Attempt:
        self.seen.append((name, resolution))
        if self.refusal is not None:
            raise self.refusal
        return LATE if isinstance(resolution, Found) else FAILED


def asked(books: Books, **request: Any) -> AbstractAsyncContextManager[tuple[int, Any]]:
    return ordered("/admin/attempts/resolve", resolve, RESOLVE, books.resolve, **request)


@pytest.mark.parametrize(
    ("said", "resolution", "told"),
    [
        (
            {"found": "task_42"},
            Found("task_42"),
            {"state": "late", "remote_id": "task_42", "booked": None, "cost_kind": None, "amount_microusd": 100_000},
        ),
        (
            {"not_found": True},
            NotFound(),
            {"state": "failed", "booked": "voided", "cost_kind": None, "amount_microusd": 100_000},
        ),
        (
            {"billed": True},
            Billed(None),
            {"state": "failed", "booked": "posted", "cost_kind": "failed_billed", "amount_microusd": 100_000},
        ),
        (
            {"billed": "0.12"},
            Billed(120_000),
            {"state": "failed", "booked": "posted", "cost_kind": "failed_billed", "amount_microusd": 120_000},
        ),
    ],
)
async def test_each_resolution_reaches_the_engine_and_is_answered_with_the_money(
    said: dict[str, object], resolution: Resolution, told: dict[str, object]
) -> None:
    books = Books()
    async with asked(books, json={"id": "video_1", **said}) as (status, answer):
        assert status == 200, answer
    assert books.seen == [("video_1", resolution)]
    assert told.items() <= answer.items()
    assert (answer["object"], answer["id"], answer["job"]) == ("attempt.resolution", "video_1-1", "video_1")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "id"),
        ({"id": 7, "not_found": True}, "id"),
        ({"id": "../x", "not_found": True}, "id"),
        ({"id": "v" * 65, "not_found": True}, "id"),
        ({"id": "video_1"}, None),
        ({"id": "video_1", "not_found": True, "found": "x"}, "not_found"),
        ({"id": "video_1", "not_found": False}, "not_found"),
        ({"id": "video_1", "not_found": 1}, "not_found"),
        ({"id": "video_1", "billed": False}, "billed"),
        ({"id": "video_1", "billed": 0.12}, "billed"),
        ({"id": "video_1", "billed": "much"}, "billed"),
        ({"id": "video_1", "billed": "-1"}, "billed"),
        ({"id": "video_1", "billed": "1e9"}, "billed"),
        ({"id": "video_1", "found": True}, "found"),
        ({"id": "video_1", "found": ""}, "found"),
        ({"id": "video_1", "found": " task"}, "found"),
        ({"id": "video_1", "found": "task\n"}, "found"),
        ({"id": "video_1", "found": "x" * (REMOTE_ID_CHARS_MAX + 1)}, "found"),
        ({"id": "video_1", "not_found": True, "note": "x"}, "note"),
    ],
)
async def test_what_says_not_exactly_one_thing_is_refused_and_nothing_is_done(
    body: dict[str, object], param: str | None
) -> None:
    books = Books()
    async with asked(books, json=body) as (status, answer):
        assert (status, answer["error"]["param"]) == (400, param), answer
    assert books.seen == []


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'"x"', b"\xff", b"[" * 5000])
async def test_a_body_that_is_no_object_is_refused(data: bytes) -> None:
    async with asked(Books(), data=data, headers={"Content-Type": "application/json"}) as (status, answer):
        assert (status, answer["error"]["code"]) == (400, "invalid_json")


async def test_a_body_larger_than_any_order_is_refused_unread() -> None:
    async with asked(Books(), json={"id": "video_1", "found": "x" * BODY_BYTES_MAX}) as (status, _):
        assert status == 413


async def test_a_form_is_no_order() -> None:
    async with asked(Books(), data={"id": "video_1", "not_found": "true"}) as (status, _):
        assert status == 415


async def test_a_web_page_may_not_resolve_anything() -> None:
    books = Books()
    request = {"json": {"id": "video_1", "not_found": True}, "headers": {"Origin": "http://127.0.0.1:9091"}}
    async with asked(books, **request) as (status, answer):
        assert (status, answer["error"]["code"]) == (403, "origin_refused")
    assert books.seen == []


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("attempt_not_found", 404),
        ("attempt_not_open", 409),
        ("several_open", 409),
        ("remote_id_known", 409),
        ("remote_id_taken", 409),
        ("provider_not_configured", 422),
        ("amount_beyond_belief", 422),
    ],
)
async def test_what_the_engine_refuses_is_told_in_its_words(code: str, status: int) -> None:
    books = Books(ResolutionError("it is as it is", code))
    async with asked(books, json={"id": "video_1", "not_found": True}) as (found, answer):
        assert (found, answer["error"]["code"], answer["error"]["message"]) == (status, code, "it is as it is")


async def test_a_store_out_of_reach_asks_to_come_back() -> None:
    books = Books(UnavailableError("the store cannot be written", 5.0))
    async with asked(books, json={"id": "video_1", "not_found": True}) as (status, answer):
        assert (status, answer["error"]["code"]) == (503, "router_unavailable")
