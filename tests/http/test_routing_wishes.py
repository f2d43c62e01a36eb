"""Who is asked first, by what, and what else may be made: read alike in every form, refused where it contradicts."""

from typing import Any

import orjson
import pytest
from aiohttp import FormData

from router.core.catalog import Catalog
from router.core.preferences import DurationPolicy, RoutingPreferences, Sort
from router.http.routing_body import MODELS_MAX, ROUTING_NAMES_MAX
from tests.builders import a_price, a_provider, an_offering
from tests.http.doors import MemoryEngine, Opened, an_open_door

WISHES: dict[str, Any] = {
    "order": ["relay-b", "relay-a/sora-2"],
    "sort": "latency",
    "allow_fallbacks": False,
    "models": ["veo-3", "standard"],
    "duration_policy": "nearest",
}
MEANT = RoutingPreferences(
    order=("relay-b", "relay-a/sora-2"),
    sort=Sort.LATENCY,
    allow_fallbacks=False,
    models=("veo-3", "standard"),
    duration_policy=DurationPolicy.NEAREST,
)


def a_bazaar() -> Catalog:
    """Two sellers of sora-2 and one of veo-3; a group of both."""
    offerings = (
        an_offering("relay-a", id="relay-a/sora-2", model="sora-2", seconds=(8,)),
        an_offering("relay-b", id="relay-b/sora-2", model="sora-2", seconds=(8,), price=a_price(200_000)),
        an_offering("relay-b", id="relay-b/veo-3", model="veo-3", seconds=(8, 12)),
    )
    providers = tuple(a_provider(name) for name in ("relay-a", "relay-b"))
    return Catalog.of(providers, offerings, {"standard": ("sora-2", "veo-3")})


async def answered(opened: Opened, path: str = "/v1/videos/quote", **request: Any) -> tuple[int, dict[str, Any]]:
    async with opened.session.post(opened.url + path, **request) as response:
        return response.status, await response.json()


async def order_of(opened: Opened, **routing: Any) -> list[str]:
    status, quote = await answered(opened, json={"prompt": "x", "routing": routing})
    assert status == 200, quote
    order: list[str] = quote["order"]
    return order


async def test_wishes_are_read_alike_from_json_from_a_form_and_from_an_object_in_a_form() -> None:
    leaves = [(f"routing[{name}][]", each) for name in ("order", "models") for each in WISHES[name]]
    leaves += [("routing[sort]", "latency"), ("routing[allow_fallbacks]", "false")]
    leaves += [("routing[duration_policy]", "nearest"), ("prompt", "x")]
    whole = {"prompt": "x", "routing": orjson.dumps(WISHES).decode()}
    async with an_open_door(MemoryEngine(a_bazaar())) as opened:
        for request in (
            {"json": {"prompt": "x", "routing": WISHES}},
            {"data": FormData(leaves, default_to_multipart=True)},
            {"data": FormData(whole, default_to_multipart=True)},
        ):
            status, answer = await answered(opened, "/v1/videos", **request)
            assert status == 200, answer
        assert [order.preferences for order in opened.engine.orders] == [MEANT] * 3


async def test_the_wishes_decide_who_is_asked_first() -> None:
    async with an_open_door(MemoryEngine(a_bazaar())) as opened:
        assert await order_of(opened) == ["relay-a/sora-2", "relay-b/sora-2"]
        assert await order_of(opened, order=["relay-b"]) == ["relay-b/sora-2", "relay-a/sora-2"]
        assert await order_of(opened, order=["relay-b"], allow_fallbacks="false") == ["relay-b/sora-2"]
        assert await order_of(opened, order=["relay-b"], allow_fallbacks="true") == ["relay-b/sora-2", "relay-a/sora-2"]
        fallbacks = ["relay-a/sora-2", "relay-b/sora-2", "relay-b/veo-3"]
        assert await order_of(opened, sort="price", models=["veo-3"]) == fallbacks


async def test_the_nearest_length_is_bought_where_the_operator_sells_no_other() -> None:
    async with an_open_door(MemoryEngine(a_bazaar())) as opened:
        body = {"prompt": "x", "model": "veo-3", "seconds": 10, "routing": {"duration_policy": "nearest"}}
        _, quote = await answered(opened, json=body)
        assert [(each["offering"], each["seconds"]) for each in quote["candidates"]] == [("relay-b/veo-3", "12")]


@pytest.mark.parametrize(
    ("routing", "says"),
    [
        ({"order": "relay-a"}, "a list of at most 64 names of providers or offerings"),
        ({"order": ["relay-c"]}, "names 'relay-c', which is none of: relay-a, relay-b, relay-a/sora-2"),
        ({"order": ["relay-a"] * (ROUTING_NAMES_MAX + 1)}, "at most 64 names"),
        ({"sort": "cheapest"}, "price, latency or expected_cost"),
        ({"sort": ["price"]}, "price, latency or expected_cost"),
        ({"allow_fallbacks": "no"}, "true or false"),
        ({"allow_fallbacks": 0}, "true or false"),
        ({"models": "veo-3"}, "a list of at most 16 names of models or groups"),
        ({"models": ["veo-4"]}, "names 'veo-4', which is none of: sora-2, veo-3, standard"),
        ({"models": ["veo-3"] * (MODELS_MAX + 1)}, "at most 16 names of models"),
        ({"duration_policy": "longest"}, "exact, at_least or nearest"),
    ],
)
async def test_a_wish_that_is_none_is_named_with_what_it_takes(routing: dict[str, Any], says: str) -> None:
    (name,) = routing
    async with an_open_door(MemoryEngine(a_bazaar())) as opened:
        for path in ("/v1/videos", "/v1/videos/quote"):
            status, answer = await answered(opened, path, json={"prompt": "x", "routing": routing})
            error = answer["error"]
            assert (status, error["param"], error["code"]) == (400, f"routing.{name}", "invalid_value")
            assert says in error["message"]
        assert not opened.engine.orders


@pytest.mark.parametrize(
    ("routing", "param", "says"),
    [
        ({"order": ["relay-b", "relay-a"], "ignore": ["relay-a"]}, "order", "'relay-a', which routing.ignore excludes"),
        ({"order": ["relay-a/sora-2"], "ignore": ["relay-a"]}, "order", "take it out of one of them"),
        ({"order": ["relay-a"], "ignore": ["relay-a/sora-2"]}, "order", "take it out of one of them"),
        ({"order": ["relay-b"], "only": ["relay-a"]}, "only", "allows none of those that routing.order names"),
        ({"order": ["relay-b/veo-3"], "only": ["relay-b/sora-2"]}, "only", "add them to it, or leave one"),
    ],
)
async def test_an_order_that_could_not_be_kept_is_refused(routing: dict[str, Any], param: str, says: str) -> None:
    async with an_open_door(MemoryEngine(a_bazaar())) as opened:
        status, answer = await answered(opened, json={"prompt": "x", "routing": routing})
        assert (status, answer["error"]["param"]) == (400, f"routing.{param}")
        assert says in answer["error"]["message"]


async def test_an_order_that_can_be_kept_in_part_is_accepted() -> None:
    async with an_open_door(MemoryEngine(a_bazaar())) as opened:
        assert await order_of(opened, order=["relay-b"], ignore=["relay-b/veo-3"]) == [
            *("relay-b/sora-2", "relay-a/sora-2")
        ]
        assert await order_of(opened, order=["relay-b", "relay-a"], only=["relay-a"]) == ["relay-a/sora-2"]


async def test_a_misspelt_model_is_not_taken_for_its_fallback() -> None:
    async with an_open_door(MemoryEngine(a_bazaar())) as opened:
        body = {"prompt": "x", "model": "sora-22", "routing": {"models": ["veo-3"]}}
        status, answer = await answered(opened, "/v1/videos", json=body)
        assert (status, answer["error"]["param"], answer["error"]["code"]) == (400, "model", "no_offering")
        assert "the models are: sora-2, veo-3, standard" in answer["error"]["message"]


async def test_fallback_models_are_taken_only_when_nobody_makes_the_one_asked_for() -> None:
    async with an_open_door(MemoryEngine(a_bazaar())) as opened:
        body = {"prompt": "x", "seconds": 12, "routing": {"models": ["standard"]}}
        _, quote = await answered(opened, json=body)
        assert [(each["offering"], each["model"]) for each in quote["candidates"]] == [("relay-b/veo-3", "veo-3")]
        assert {each["offering"] for each in quote["excluded"]} == {"relay-a/sora-2", "relay-b/sora-2"}
