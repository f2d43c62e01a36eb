"""What a caller says of his own job: read alike in every form, refused with what it takes, shown in a quote."""

from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import FormData

from providers.canonical import Reason, Stage
from router.core.failover import NAMES, failover_on
from router.core.policy import Failover, JobLimits, OnAmbiguous, pairs
from router.core.preferences import RoutingPreferences
from tests.builders import a_catalog, a_provider, an_offering
from tests.http.doors import MemoryEngine, Opened, an_open_door

GENEROUS = JobLimits(duplicate_microusd_max=2_000_000)
ALL: dict[str, Any] = {
    "max_spend_usd": "1.50",
    "max_attempts": 2,
    "deadline_s": 90.5,
    "on_ambiguous": "failover",
    "max_duplicate_usd": "0.25",
    "failover_on": {"output_review": "never", "generate": "always", "generate.internal": "once"},
}


def form_of(routing: dict[str, Any]) -> FormData:
    """Spell it as the SDK does beside a file: a part for each leaf."""

    def leaves(prefix: str, value: Any) -> Iterator[tuple[str, str]]:
        if isinstance(value, dict):
            for name, inner in value.items():
                yield from leaves(f"{prefix}[{name}]", inner)
        else:
            yield prefix, str(value)

    return FormData([("prompt", "x"), *leaves("routing", routing)], default_to_multipart=True)


async def refusal(opened: Opened, path: str = "/v1/videos", **request: Any) -> dict[str, Any]:
    async with opened.session.post(opened.url + path, **request) as response:
        error: dict[str, Any] = (await response.json())["error"]
        assert response.status == 400, error
        return error


async def quoted(opened: Opened, **routing: Any) -> dict[str, Any]:
    body = {"prompt": "x", "seconds": 8, "routing": routing}
    async with opened.session.post(f"{opened.url}/v1/videos/quote", json=body) as response:
        document: dict[str, Any] = await response.json()
        assert response.status == 200, document
        return document


async def test_a_jobs_own_limits_are_read_alike_from_json_and_from_a_form() -> None:
    async with an_open_door(limits=GENEROUS) as opened:
        for request in ({"json": {"prompt": "x", "routing": ALL}}, {"data": form_of(ALL)}):
            async with opened.session.post(f"{opened.url}/v1/videos", **request) as response:
                assert response.status == 200, await response.text()
        once, again = (order.preferences for order in opened.engine.orders)
        assert once == again
        assert once == RoutingPreferences(
            spend_microusd_max=1_500_000,
            attempts_max=2,
            deadline_s=90.5,
            on_ambiguous=OnAmbiguous.FAILOVER,
            duplicate_microusd_max=250_000,
            failover_on=failover_on(ALL["failover_on"]),
        )


async def test_a_stage_stands_for_its_failures_and_a_reason_is_over_its_stage() -> None:
    async with an_open_door() as opened:
        routing = {"failover_on": ALL["failover_on"]}
        async with opened.session.post(f"{opened.url}/v1/videos", json={"prompt": "x", "routing": routing}):
            (order,) = opened.engine.orders
            assert order.preferences.failover_on is not None
            steps = dict(order.preferences.failover_on.steps)
        assert steps.pop((Stage.OUTPUT_REVIEW, Reason.REFUSED)) is Failover.NEVER
        assert steps.pop((Stage.GENERATE, Reason.INTERNAL)) is Failover.ONCE
        assert steps == {pair: Failover.ALWAYS for pair in pairs(Stage.GENERATE) if pair[1] is not Reason.INTERNAL}


@pytest.mark.parametrize(
    ("routing", "says"),
    [
        ({"max_spend_usd": "-1"}, "0 or more"),
        ({"max_spend_usd": "cheap"}, "max_spend_usd"),
        ({"max_spend_usd": True}, 'an amount in USD, such as "0.80"'),
        ({"max_spend_usd": []}, 'an amount in USD, such as "0.80"'),
        ({"max_attempts": 0}, "a whole number from 1 to 20"),
        ({"max_attempts": 21}, "a whole number from 1 to 20"),
        ({"max_attempts": "many"}, "a whole number from 1 to 20"),
        ({"max_attempts": 2.0}, "a whole number from 1 to 20"),
        ({"max_attempts": True}, "a whole number from 1 to 20"),
        ({"deadline_s": 0.99}, "seconds from 1 to 604800"),
        ({"deadline_s": 604_801}, "seconds from 1 to 604800"),
        ({"deadline_s": -5}, "seconds from 1 to 604800"),
        ({"deadline_s": "10m"}, "seconds from 1 to 604800"),
        ({"deadline_s": 1e300}, "seconds from 1 to 604800"),
        ({"on_ambiguous": "retry"}, "hold or failover"),
        ({"max_duplicate_usd": "1 USD"}, "max_duplicate_usd"),
        ({"failover_on": "never"}, "never, once and always under failures"),
        ({"failover_on": {"output_review": "sometimes"}}, "never, once and always under failures"),
        ({"failover_on": {"output_revue": "never"}}, f"which is none of: {', '.join(NAMES)}"),
        ({"failover_on": {"submit.ambiguous": "always"}}, "is said by routing.on_ambiguous"),
        ({"failover_on": {"poll.unreadable": "never"}}, "a failed poll is repeated"),
        ({"failover_on": {"route.no_candidate": "always"}}, "which is none of: "),
        ({"failover_on": {str(number): "never" for number in range(35)}}, "never, once and always under failures"),
    ],
)
async def test_a_limit_that_is_none_is_named_with_what_it_takes(routing: dict[str, Any], says: str) -> None:
    (name,) = routing
    async with an_open_door() as opened:
        for path in ("/v1/videos", "/v1/videos/quote"):
            error = await refusal(opened, path, json={"prompt": "x", "routing": routing})
            assert (error["param"], error["code"]) == (f"routing.{name}", "invalid_value")
            assert says in error["message"]
        assert not opened.engine.orders


async def test_an_unknown_field_is_told_all_that_are_known() -> None:
    async with an_open_door() as opened:
        error = await refusal(opened, json={"prompt": "x", "routing": {"max_attemps": 1}})
        assert error["param"] == "routing.max_attemps"
        assert (
            "max_spend_usd, max_attempts, deadline_s, on_ambiguous, max_duplicate_usd, failover_on" in error["message"]
        )


async def test_a_failover_that_the_operator_pays_nothing_for_is_refused_and_says_what_he_must_set() -> None:
    async with an_open_door() as opened:
        error = await refusal(opened, json={"prompt": "x", "routing": {"on_ambiguous": "failover"}})
        assert error["param"] == "routing.on_ambiguous"
        assert "`policy.max_duplicate_usd`" in error["message"]
        async with opened.session.post(
            f"{opened.url}/v1/videos", json={"prompt": "x", "routing": {"on_ambiguous": "hold"}}
        ) as response:
            assert response.status == 200


async def test_a_failover_within_nothing_is_refused() -> None:
    async with an_open_door(limits=GENEROUS) as opened:
        routing = {"on_ambiguous": "failover", "max_duplicate_usd": "0"}
        error = await refusal(opened, json={"prompt": "x", "routing": routing})
        assert error["param"] == "routing.max_duplicate_usd"


async def test_a_spending_limit_that_buys_nothing_is_named_as_the_field_to_change() -> None:
    catalog = a_catalog(an_offering("relay", model="sora-2", seconds=(8,)), relay=a_provider("relay"))
    async with an_open_door(MemoryEngine(catalog)) as opened:
        error = await refusal(opened, json={"prompt": "x", "routing": {"max_spend_usd": "0.01"}})
        assert (error["code"], error["param"]) == ("no_offering", "routing.max_spend_usd")
        document = await quoted(opened, max_spend_usd="0.01")
        assert (document["candidates"], document["terms"]["max_spend_usd"]) == ([], "0.01")
        assert [each["cause"] for each in document["excluded"]] == ["spend"]


async def test_a_quote_shows_the_operators_terms_where_the_caller_has_none() -> None:
    async with an_open_door() as opened:
        assert (await quoted(opened))["terms"] == {
            "max_attempts": 3,
            "max_spend_usd": "20.00",
            "deadline_s": 3600.0,
            "on_ambiguous": "hold",
            "max_duplicate_usd": "0.00",
        }


async def test_a_quote_shows_of_each_two_limits_the_stricter_one() -> None:
    async with an_open_door(limits=GENEROUS) as opened:
        assert (await quoted(opened, **ALL))["terms"] == {
            "max_attempts": 2,
            "max_spend_usd": "1.50",
            "deadline_s": 90.5,
            "on_ambiguous": "failover",
            "max_duplicate_usd": "0.25",
        }
        lavish = {"max_attempts": 20, "max_spend_usd": "99", "deadline_s": 9999, "max_duplicate_usd": "9"}
        assert (await quoted(opened, **lavish))["terms"] == {
            "max_attempts": 3,
            "max_spend_usd": "20.00",
            "deadline_s": 3600.0,
            "on_ambiguous": "hold",
            "max_duplicate_usd": "2.00",
        }


@pytest.mark.parametrize(
    ("operators", "callers", "would_be"),
    [
        (OnAmbiguous.HOLD, None, "hold"),
        (OnAmbiguous.HOLD, "failover", "hold"),
        (OnAmbiguous.FAILOVER, None, "failover"),
        (OnAmbiguous.FAILOVER, "hold", "hold"),
        (None, "failover", "failover"),
        (None, None, "hold"),
    ],
)
async def test_a_quote_says_of_each_candidate_what_a_lost_answer_would_mean(
    operators: OnAmbiguous | None, callers: str | None, would_be: str
) -> None:
    catalog = a_catalog(
        an_offering("relay", model="sora-2", seconds=(8,)), relay=a_provider("relay", on_ambiguous=operators)
    )
    async with an_open_door(MemoryEngine(catalog), limits=GENEROUS) as opened:
        routing = {"on_ambiguous": callers} if callers else {}
        (candidate,) = (await quoted(opened, **routing))["candidates"]
        assert candidate["on_ambiguous"] == would_be
        for too_little in ("0", "0.01"):
            (candidate,) = (await quoted(opened, max_duplicate_usd=too_little))["candidates"]
            assert candidate["on_ambiguous"] == "hold"
