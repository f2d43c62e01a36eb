"""When nobody takes a job: why, offering by offering, and whether waiting helps."""

from typing import Any

import pytest

from router.core.eligibility import ExclusionCause, ProviderStanding
from router.core.routing_settings import PanicPolicy, RoutingSettings
from router.http.naming import Naming
from tests.http.doors import MemoryEngine, an_open_door
from tests.http.test_routing_wishes import a_bazaar

EJECTED = ProviderStanding(barred="is ejected for another 30 s", retry_after_s=30.0)
COOLING = ProviderStanding(barred="cools down for another 4 s", barred_cause=ExclusionCause.COOLING, retry_after_s=3.2)
FULL = ProviderStanding(in_flight=100, in_flight_max=100)
DRAINED = ProviderStanding(drained=True)
PROBING = ProviderStanding(probing=True, probe_due_s=20.0)


async def refusal(engine: MemoryEngine, **body: Any) -> tuple[int, str | None, dict[str, Any]]:
    naming = Naming(engine.catalog)
    async with (
        an_open_door(engine, naming=naming) as opened,
        opened.session.post(f"{opened.url}/v1/videos", json={"prompt": "x", **body}) as response,
    ):
        return response.status, response.headers.get("Retry-After"), (await response.json())["error"]


@pytest.mark.parametrize(
    ("first", "second", "wait_s", "says"),
    [
        (EJECTED, COOLING, "4", ("is ejected for another 30 s", "cools down for another 4 s")),
        (EJECTED, FULL, "30", ("is ejected for another 30 s", "has 100 jobs in flight and takes 100")),
        (FULL, FULL, "10", ("has 100 jobs in flight and takes 100",) * 2),
        (DRAINED, EJECTED, "30", ("is being drained by the operator", "is ejected for another 30 s")),
        (DRAINED, DRAINED, "10", ("is being drained by the operator",) * 2),
    ],
)
async def test_whoever_may_come_back_is_worth_a_wait_and_each_says_why(
    first: ProviderStanding, second: ProviderStanding, wait_s: str, says: tuple[str, str]
) -> None:
    engine = MemoryEngine(a_bazaar(), standings={"relay-a": first, "relay-b": second})
    status, retry_after, error = await refusal(engine)
    assert (status, retry_after, error["code"]) == (503, wait_s, "no_provider_available")
    lines = error["message"].splitlines()[1:]
    assert lines == [f"relay-a/sora-2: {says[0]}", f"relay-b/sora-2: {says[1]}"]
    assert not engine.orders


async def test_without_panic_those_on_probation_are_named_with_the_moment_of_the_first_probe() -> None:
    standings = {"relay-a": PROBING, "relay-b": EJECTED}
    engine = MemoryEngine(a_bazaar(), standings=standings, routing=RoutingSettings(panic=PanicPolicy.NEVER))
    status, retry_after, error = await refusal(engine)
    assert (status, retry_after) == (503, "30")
    assert "relay-a/sora-2: is on probation, and `routing.panic: never` makes no job a probe" in error["message"]
    engine.standings["relay-a"] = ProviderStanding(probing=True, probe_due_s=595.5)
    assert (await refusal(engine))[1] == "5"
    assert not engine.orders


async def test_with_panic_the_one_on_probation_gets_the_job() -> None:
    engine = MemoryEngine(a_bazaar(), standings={"relay-a": PROBING, "relay-b": EJECTED})
    async with (
        an_open_door(engine) as opened,
        opened.session.post(f"{opened.url}/v1/videos", json={"prompt": "x"}) as response,
    ):
        assert response.status == 200


async def test_a_request_that_a_drained_provider_would_not_take_either_must_be_changed() -> None:
    engine = MemoryEngine(a_bazaar(), standings={"relay-a": DRAINED, "relay-b": DRAINED})
    status, retry_after, error = await refusal(engine, seconds=11)
    assert (status, retry_after, error["param"]) == (400, None, "seconds")


async def test_the_fallback_models_of_a_request_are_named_too() -> None:
    engine = MemoryEngine(a_bazaar(), standings={"relay-a": EJECTED, "relay-b": EJECTED})
    status, _, error = await refusal(engine, routing={"models": ["standard"]})
    assert status == 503
    assert "relay-b/veo-3: is ejected for another 30 s" in error["message"]
