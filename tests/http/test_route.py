"""POST /admin/route: a decision for an operator, who may see every name and asks in anybody's."""

from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from router.core.budget import Budgets, BudgetScope
from router.core.clock import Clock
from router.core.eligibility import ExclusionCause, ProviderStanding
from router.core.limits import Caller
from router.http.decision_object import read_decision
from router.http.door import DOOR, Door
from router.http.naming import Naming
from router.http.route import route
from tests.builders import EPOCH
from tests.http.doors import MemoryEngine, a_door, an_open_door
from tests.http.operators import ordered

PLAIN: dict[str, Any] = {"prompt": "a paper boat", "seconds": 10}


def asked(door: Door, **request: Any) -> AbstractAsyncContextManager[tuple[int, Any]]:
    return ordered("/admin/route", route, DOOR, door, **request)


async def test_the_decision_is_the_quotes_in_the_routers_own_names() -> None:
    engine = MemoryEngine()
    hidden = Naming(engine.catalog, shown=False)
    async with (
        an_open_door(engine, naming=hidden) as opened,
        opened.session.post(f"{opened.url}/v1/videos/quote", json=PLAIN) as response,
    ):
        theirs = await response.json()
    async with asked(a_door(engine, naming=hidden), json=PLAIN) as (status, answer):
        assert (status, answer["object"]) == (200, "routing.decision")
    decision = read_decision(answer)
    assert [each.offering for each in decision.candidates] == answer["order"] == ["relay-a/sora-2"]
    assert [each.quote_microusd for each in decision.candidates] == [
        each["quote_microusd"] for each in theirs["candidates"]
    ]
    assert [(each.offering, each.cause) for each in decision.exclusions] == [
        ("relay-b/sora-2", ExclusionCause.SECONDS),
    ]
    assert "relay" not in str(theirs)
    assert engine.orders == []


async def test_names_that_callers_may_not_use_are_an_operators_to_use() -> None:
    engine = MemoryEngine()
    door = a_door(engine, naming=Naming(engine.catalog, shown=False))
    async with asked(door, json={**PLAIN, "routing": {"ignore": ["relay-a"]}}) as (_, answer):
        assert answer["order"] == []
        assert [each["cause"] for each in answer["excluded"]] == ["not_allowed", "seconds"]
    async with asked(door, json={**PLAIN, "routing": {"only": ["relay-x"]}}) as (status, answer):
        assert (status, answer["error"]["param"]) == (400, "routing.only")
        assert "relay-a, relay-b" in answer["error"]["message"]


async def test_a_named_callers_budget_counts() -> None:
    clock = Clock(wall=lambda: EPOCH, monotonic=lambda: 0.0)
    engine = MemoryEngine(budgets=Budgets(clock, {(BudgetScope.CALLER, "studio"): 1}))
    door = a_door(engine, (Caller("studio", "0" * 64), Caller("intern", "1" * 64)))
    for caller, causes in (("studio", ["caller_budget", "seconds"]), ("intern", ["seconds"]), (None, ["seconds"])):
        async with asked(door, json={**PLAIN, "caller": caller}) as (status, answer):
            assert (status, [each["cause"] for each in answer["excluded"]]) == (200, causes)
    async with asked(door, json={**PLAIN, "caller": "stranger"}) as (status, answer):
        assert (status, answer["error"]["param"]) == (400, "caller")
        assert answer["error"]["message"] == "caller must be one of: studio, intern"


async def test_waits_are_told() -> None:
    cooling = ProviderStanding(barred="cools down", barred_cause=ExclusionCause.COOLING, retry_after_s=3.2)
    async with asked(a_door(MemoryEngine(standings={"relay-a": cooling})), json=PLAIN) as (_, answer):
        assert [(each["cause"], each["retry_after_s"]) for each in answer["excluded"]] == [
            ("cooling", 4),
            ("seconds", None),
        ]


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        ({"json": {}}, 400, "missing_required_parameter"),
        ({"json": {**PLAIN, "colour": "red"}}, 400, "unknown_parameter"),
        ({"json": [1]}, 400, "invalid_json"),
        ({"data": b"{", "headers": {"Content-Type": "application/json"}}, 400, "invalid_json"),
        ({"data": {"prompt": "a boat"}}, 415, "unsupported_content_type"),
        ({"json": {**PLAIN, "metadata": {"x": "y" * 4000}}}, 413, "request_too_large"),
        ({"json": PLAIN, "headers": {"Origin": "https://evil.example"}}, 403, "origin_refused"),
    ],
)
async def test_a_question_that_is_wrong_is_answered_in_the_envelope(
    request_: dict[str, Any], status: int, code: str
) -> None:
    async with asked(a_door(MemoryEngine(), body_bytes_max=2000), **request_) as (answered, answer):
        assert (answered, answer["error"]["code"]) == (status, code)
