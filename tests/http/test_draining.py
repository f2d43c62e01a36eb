"""POST /admin/providers/drain, before an engine that says what a test wants."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from router.core.draining import DrainError, Draining
from router.http.draining import DRAIN, drain
from tests.http.operators import ordered

PATH = "/admin/providers/drain"


@dataclass
class Ward:
    """Does what it is told, or refuses."""

    refusal: DrainError | None = None
    seen: list[tuple[str, bool]] = field(default_factory=list)

    def drain(self, provider: str, drained: bool) -> Draining:
        self.seen.append((provider, drained))
        if self.refusal is not None:
            raise self.refusal
        return Draining(provider, drained, 3)


@pytest.mark.parametrize("drained", [True, False])
async def test_the_answer_tells_how_many_are_still_in_flight(drained: bool) -> None:
    ward = Ward()
    asked = {"provider": "relay-a", "drained": drained}
    async with ordered(PATH, drain, DRAIN, ward.drain, json=asked) as (status, answer):
        assert (status, answer) == (200, {"object": "provider.drain", **asked, "in_flight": 3})
    assert ward.seen == [("relay-a", drained)]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"drained": True}, "provider"),
        ({"provider": "", "drained": True}, "provider"),
        ({"provider": ["relay-a"], "drained": True}, "provider"),
        ({"provider": "relay-a"}, "drained"),
        ({"provider": "relay-a", "drained": "no"}, "drained"),
        ({"provider": "relay-a", "drained": True, "for": "1h"}, "for"),
    ],
)
async def test_a_field_that_is_wrong_is_named(body: dict[str, Any], param: str) -> None:
    ward = Ward()
    async with ordered(PATH, drain, DRAIN, ward.drain, json=body) as (status, answer):
        assert (status, answer["error"]["param"]) == (400, param)
    assert ward.seen == []


@pytest.mark.parametrize(("code", "status"), [("provider_not_found", 404), ("drained_by_config", 409)])
async def test_a_refusal_is_told_in_the_envelope(code: str, status: int) -> None:
    ward = Ward(DrainError("not so", code))
    asked = {"provider": "relay-a", "drained": False}
    async with ordered(PATH, drain, DRAIN, ward.drain, json=asked) as (answered, answer):
        assert (answered, answer["error"]["message"], answer["error"]["code"]) == (status, "not so", code)


async def test_a_web_page_drains_nothing() -> None:
    ward, asked = Ward(), {"provider": "relay-a", "drained": True}
    page = {"Origin": "https://evil.example"}
    async with ordered(PATH, drain, DRAIN, ward.drain, json=asked, headers=page) as (status, answer):
        assert (status, answer["error"]["code"]) == (403, "origin_refused")
    assert ward.seen == []
