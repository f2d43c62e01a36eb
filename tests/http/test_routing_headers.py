"""`x-router-*` headers: the same fields for clients that cannot add any to a body, read by the same code."""

from collections.abc import Mapping, Sequence
from typing import Any

import openai
import pytest
from aiohttp import FormData
from multidict import CIMultiDict
from openai import AsyncOpenAI

from router.core.failover import failover_on
from router.core.policy import JobLimits, OnAmbiguous
from router.core.preferences import DurationPolicy, RoutingPreferences, Sort
from router.http.errors import ApiError
from router.http.naming import Naming
from router.http.routing_body import RoutingBody
from router.http.routing_headers import VALUE_CHARS_MAX, routing_of_headers
from tests.http.doors import MemoryEngine, Opened, an_open_door
from tests.http.test_routing_wishes import a_bazaar

pytestmark = pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning")
GENEROUS = JobLimits(duplicate_microusd_max=2_000_000)
Headers = Mapping[str, str] | Sequence[tuple[str, str]]
ALL = {
    "x-router-order": "relay-b, relay-a/sora-2",
    "x-router-only": "relay-a,relay-b",
    "x-router-ignore": "relay-b/veo-3",
    "x-router-max-price-usd": "0.80",
    "x-router-sort": "price",
    "x-router-allow-fallbacks": "false",
    "x-router-models": "standard",
    "x-router-duration-policy": "at_least",
    "x-router-max-spend-usd": "1.50",
    "x-router-max-attempts": "2",
    "x-router-deadline-s": "90.5",
    "x-router-on-ambiguous": "failover",
    "x-router-max-duplicate-usd": "0.25",
    "X-Router-Failover-On": "output_review=never, generate.internal = once",
}
BODY: dict[str, Any] = {
    "order": ["relay-b", "relay-a/sora-2"],
    "only": ["relay-a", "relay-b"],
    "ignore": ["relay-b/veo-3"],
    "max_price_usd": 0.8,
    "sort": "price",
    "allow_fallbacks": False,
    "models": ["standard"],
    "duration_policy": "at_least",
    "max_spend_usd": "1.5",
    "max_attempts": 2,
    "deadline_s": "90.50",
    "on_ambiguous": "failover",
    "max_duplicate_usd": "0.25",
    "failover_on": {"output_review": "never", "generate.internal": "once"},
}
MEANT = RoutingPreferences(
    only=("relay-a", "relay-b"),
    ignore=("relay-b/veo-3",),
    price_microusd_max=800_000,
    duration_policy=DurationPolicy.AT_LEAST,
    spend_microusd_max=1_500_000,
    attempts_max=2,
    deadline_s=90.5,
    on_ambiguous=OnAmbiguous.FAILOVER,
    duplicate_microusd_max=250_000,
    failover_on=failover_on(BODY["failover_on"]),
    order=("relay-b", "relay-a/sora-2"),
    sort=Sort.PRICE,
    allow_fallbacks=False,
    models=("standard",),
)


async def told(
    opened: Opened, headers: Headers, path: str = "/v1/videos", **request: Any
) -> tuple[int, dict[str, Any]]:
    request = request or {"json": {"prompt": "x"}}
    async with opened.session.post(opened.url + path, headers=headers, **request) as response:
        return response.status, await response.json()


async def refused(opened: Opened, headers: Headers, **request: Any) -> dict[str, Any]:
    error: dict[str, Any]
    for path in ("/v1/videos", "/v1/videos/quote"):
        status, answer = await told(opened, headers, path, **request)
        error = answer["error"]
        assert status == 400, answer
    assert not opened.engine.orders
    return error


def test_every_field_has_its_header() -> None:
    assert {header.lower() for header in ALL} == {
        "x-router-" + name.replace("_", "-") for name in RoutingBody.model_fields
    }
    assert BODY.keys() == RoutingBody.model_fields.keys()


async def test_headers_say_what_the_body_would_for_json_and_for_forms() -> None:
    async with an_open_door(MemoryEngine(a_bazaar()), limits=GENEROUS) as opened:
        form = FormData({"prompt": "x"}, default_to_multipart=True)
        for headers, request in (
            (ALL, {"json": {"prompt": "x"}}),
            (ALL, {"data": form}),
            ({}, {"json": {"prompt": "x", "routing": BODY}}),
            (ALL, {"json": {"prompt": "x", "routing": BODY}}),
        ):
            status, answer = await told(opened, headers, **request)
            assert status == 200, answer
        assert [order.preferences for order in opened.engine.orders] == [MEANT] * 4
        _, of_headers = await told(opened, ALL, "/v1/videos/quote")
        _, of_body = await told(opened, {}, "/v1/videos/quote", json={"prompt": "x", "routing": BODY})
        assert of_headers == of_body


async def test_headers_count_for_a_key_as_the_body_would() -> None:
    async with an_open_door(MemoryEngine(a_bazaar()), limits=GENEROUS) as opened:
        key = {"Idempotency-Key": "k-1"}
        _, first = await told(opened, {**key, **ALL})
        status, again = await told(opened, key, json={"prompt": "x", "routing": BODY})
        assert (status, again["id"]) == (200, first["id"])
        for headers in ({}, {**ALL, "x-router-sort": "latency"}, {**ALL, "x-router-order": "relay-b"}):
            status, answer = await told(opened, {**key, **headers})
            assert (status, answer["error"]["code"]) == (422, "idempotency_key_reused")
        assert len(opened.engine.orders) == 1


@pytest.mark.parametrize("name", sorted(BODY))
async def test_each_field_counts_for_a_key(name: str) -> None:
    header = "x-router-" + name.replace("_", "-")
    value = {each.lower(): value for each, value in ALL.items()}[header]
    async with an_open_door(MemoryEngine(a_bazaar()), limits=GENEROUS) as opened:
        await told(opened, {"Idempotency-Key": "k"})
        status, _ = await told(opened, {"Idempotency-Key": "k", header: value})
        assert status == 422


async def test_an_unknown_header_is_told_all_that_are_known() -> None:
    async with an_open_door(MemoryEngine(a_bazaar())) as opened:
        error = await refused(opened, {"X-Router-Max-Price": "1"})
        assert (error["param"], error["code"]) == ("x-router-max-price", "unknown_parameter")
        for header in ALL:
            assert header.lower() in error["message"]


async def test_what_is_said_in_both_places_must_mean_the_same() -> None:
    async with an_open_door(MemoryEngine(a_bazaar()), limits=GENEROUS) as opened:
        for name, header, other in (
            ("max_price_usd", "x-router-max-price-usd", "0.81"),
            ("only", "x-router-only", "relay-b"),
            ("allow_fallbacks", "x-router-allow-fallbacks", "true"),
            ("failover_on", "x-router-failover-on", "output_review=once"),
            ("sort", "x-router-sort", "latency"),
        ):
            error = await refused(opened, {header: other}, json={"prompt": "x", "routing": {name: BODY[name]}})
            assert error["param"] == header
            assert f"something else than routing.{name} in the body; say it in one place" in error["message"]


async def test_what_is_said_in_one_place_each_is_put_together() -> None:
    async with an_open_door(MemoryEngine(a_bazaar())) as opened:
        body = {"prompt": "x", "routing": {"only": ["relay-b"], "sort": None}}
        await told(opened, {"x-router-sort": "price", "x-router-max-price-usd": "0.5"}, json=body)
        (order,) = opened.engine.orders
        assert order.preferences == RoutingPreferences(only=("relay-b",), price_microusd_max=500_000, sort=Sort.PRICE)


@pytest.mark.parametrize(
    ("header", "value", "says"),
    [
        ("x-router-only", "relay-c", "names 'relay-c', which is none of: relay-a, relay-b"),
        ("x-router-only", "", "at most 64 names of providers or offerings, separated by commas"),
        ("x-router-only", "relay-a,,relay-b", "at most 64 names"),
        ("x-router-order", ",".join(["relay-a"] * 65), "at most 64 names"),
        ("x-router-ignore", "relay-a" * 600, f"longer than the {VALUE_CHARS_MAX} characters"),
        ("x-router-ignore", "relay-\ta", "must be readable text"),
        ("x-router-models", "veo-4", "names 'veo-4', which is none of: sora-2, veo-3, standard"),
        ("x-router-models", ",".join(["veo-3"] * 17), "at most 16 names of models or groups"),
        ("x-router-sort", "cheapest", "price, latency or expected_cost"),
        ("x-router-allow-fallbacks", "no", "true or false"),
        ("x-router-max-price-usd", "cheap", "x-router-max-price-usd: 'cheap' is not an amount"),
        ("x-router-max-price-usd", "1" * 33, 'an amount in USD, such as "0.80"'),
        ("x-router-max-attempts", "21", "a whole number from 1 to 20"),
        ("x-router-deadline-s", "10m", "a number of seconds from 1 to 604800"),
        ("x-router-duration-policy", "any", "exact, at_least or nearest"),
        ("x-router-on-ambiguous", "retry", "hold or failover"),
        ("x-router-on-ambiguous", "failover", "`policy.max_duplicate_usd`"),
        ("x-router-failover-on", "output_review", "such as output_review=never,generate.internal=once"),
        ("x-router-failover-on", "submit=once,submit=never", "separated by commas"),
        ("x-router-failover-on", "output_review=sometimes", "never, once or always for failures"),
        ("x-router-failover-on", "output_revue=never", "names 'output_revue', which is none of"),
    ],
)
async def test_a_header_that_is_wrong_is_named_with_what_it_takes(header: str, value: str, says: str) -> None:
    async with an_open_door(MemoryEngine(a_bazaar())) as opened:
        error = await refused(opened, {header: value})
        assert error["param"] == header
        assert says in error["message"]


def test_bytes_that_are_no_text_are_refused_before_anybody_quotes_them() -> None:
    with pytest.raises(ApiError, match="x-router-only must be readable text"):
        routing_of_headers(CIMultiDict([("x-router-only", "relay-\udcff")]))


async def test_a_list_may_come_in_several_headers_and_anything_else_in_one() -> None:
    async with an_open_door(MemoryEngine(a_bazaar())) as opened:
        error = await refused(opened, [("x-router-sort", "price"), ("x-router-sort", "price")])
        assert "x-router-sort was sent more than once" in error["message"]
        await told(opened, [("x-router-only", "relay-a"), ("x-router-only", "relay-b")])
        assert opened.engine.orders[0].preferences.only == ("relay-a", "relay-b")


async def test_contradictions_are_told_in_the_words_of_their_places() -> None:
    async with an_open_door(MemoryEngine(a_bazaar())) as opened:
        headers = {"x-router-order": "relay-a"}
        error = await refused(opened, headers, json={"prompt": "x", "routing": {"ignore": ["relay-a"]}})
        assert error["param"] == "x-router-order"
        assert "x-router-order names 'relay-a', which routing.ignore excludes" in error["message"]


@pytest.mark.parametrize("header", ["x-router-order", "x-router-only", "x-router-ignore"])
async def test_hidden_names_cannot_be_probed_by_headers(header: str) -> None:
    engine = MemoryEngine(a_bazaar())
    async with an_open_door(engine, naming=Naming(engine.catalog, shown=False)) as opened:
        answers = [await refused(opened, {header: name}) for name in ("relay-a", "nobody")]
        assert answers[0] == answers[1]
        assert "relay-a" not in answers[0]["message"]


async def test_the_official_sdk_says_it_by_extra_body_and_by_extra_headers() -> None:
    async with (
        an_open_door(MemoryEngine(a_bazaar())) as opened,
        AsyncOpenAI(base_url=f"{opened.url}/v1", api_key="any") as client,
    ):
        wishes = {"order": ["relay-b"], "sort": "price", "allow_fallbacks": False, "models": ["veo-3"]}
        headers = {
            "x-router-order": "relay-b",
            "x-router-sort": "price",
            "x-router-allow-fallbacks": "false",
            "x-router-models": "veo-3",
        }
        image = ("still.png", b"\x89PNG\r\n\x1a\n" + bytes(64), "image/png")
        plain = {"prompt": "x", "seconds": "8"}
        await client.videos.create(**plain, extra_body={"routing": wishes})  # type: ignore[arg-type]
        await client.videos.create(**plain, extra_headers=headers)  # type: ignore[arg-type]
        once, again = (order.preferences for order in opened.engine.orders)
        assert (
            once
            == again
            == RoutingPreferences(order=("relay-b",), sort=Sort.PRICE, allow_fallbacks=False, models=("veo-3",))
        )
        with pytest.raises(openai.BadRequestError, match="takes no input images, not 1"):
            await client.videos.create(prompt="x", seconds="8", input_reference=image, extra_headers=headers)
        with pytest.raises(openai.BadRequestError, match="the headers of a routing are x-router-order") as bad:
            await client.videos.create(prompt="x", extra_headers={"x-router-model": "veo-3"})
        assert bad.value.param == "x-router-model"
