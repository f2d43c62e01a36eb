"""Why a job would go where: told by a quote, and afterwards of each attempt; never more names than callers may know."""

from dataclasses import replace
from typing import Any

import openai
import orjson
import pytest
from openai import AsyncOpenAI

from router.core.catalog import Catalog
from router.core.decision_record import CandidateRecord, DecisionRecord
from router.core.eligibility import Exclusion, ExclusionCause, ProviderStanding
from router.core.job import AttemptState, Job
from router.core.order import UnavailableError
from router.core.preferences import RoutingPreferences
from router.http.naming import Naming
from tests.builders import a_catalog, a_price, a_provider, a_video, an_attempt, an_offering
from tests.http.doors import LIMITS, MemoryEngine, Opened, an_open_door

pytestmark = pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning")
SECRETS = ("jizhi", "shen-ma", "gone", "old-name", "sora_video2", "house")
NAMES = ("jizhi/sora_video2", "shen-ma/sora_video2", "shen-ma/old-name", "gone/old-name")


def a_shop() -> Catalog:
    """Three sellers: the first is the cheapest, the last is dearer than the second, and one sells other lengths."""
    offerings = [
        an_offering(name, id=f"{name}/sora_video2", model="sora-2", upstream_model="house", seconds=(8,), price=price)
        for name, price in (("jizhi", a_price(100_000)), ("shen-ma", a_price(120_000)))
    ]
    offerings.append(an_offering("third", id="third/sora", model="sora-2", seconds=(15,), price=a_price(200_000)))
    return a_catalog(*offerings, jizhi=a_provider("jizhi", alias="gold"))


async def answered(opened: Opened, method: str, path: str, **request: Any) -> dict[str, Any]:
    async with opened.session.request(method, opened.url + path, **request) as response:
        document: dict[str, Any] = await response.json()
        assert response.status == 200, document
        return document


async def quoted(opened: Opened, **routing: Any) -> dict[str, Any]:
    return await answered(opened, "POST", "/v1/videos/quote", json={"prompt": "x", "seconds": 8, "routing": routing})


def a_decided_job(engine: MemoryEngine) -> Job:
    """Two attempts, the second of which nobody sells any more, and what was decided before each."""
    catalog, attempts = engine.catalog, []
    preferences = RoutingPreferences()
    first = engine.quote(a_video(model="sora-2", seconds=8), preferences, "anonymous")
    jizhi, shen_ma = first.candidates
    second = replace(
        first,
        candidates=(_at(shen_ma, "gone/old-name", "gone"), _at(shen_ma, "shen-ma/old-name", "shen-ma")),
        exclusions=(
            Exclusion("jizhi/sora_video2", "jizhi", ExclusionCause.TRIED, "was tried for this job already", None),
            Exclusion("gone/house", "gone", ExclusionCause.COOLING, "old-name of gone cools down", 3.2),
            Exclusion("shen-ma/house", "shen-ma", ExclusionCause.UNSUPPORTED, "the house takes no images", None),
        ),
        chosen="gone/old-name",
        more_excluded=((ExclusionCause.SIZE, 7),),
    )
    for number, offering, provider in ((1, jizhi.offering, "jizhi"), (2, "gone/old-name", "gone")):
        failed = an_attempt(number, offering_id=offering, provider=provider, state=AttemptState.FAILED)
        attempts.append(failed)
    job = engine.add(video=a_video(model="sora-2", seconds=8), attempts=tuple(attempts))
    decisions = (replace(first, chosen=catalog.offerings[0].id), second)
    engine.decided[job.id] = tuple(zip((attempt.id for attempt in attempts), decisions, strict=True))
    return job


def _at(candidate: CandidateRecord, offering: str, provider: str) -> CandidateRecord:
    return candidate._replace(offering=offering, provider=provider)


async def test_a_quote_tells_every_term_of_every_score() -> None:
    async with an_open_door(MemoryEngine(a_shop())) as opened:
        quote = await quoted(opened)
        first, second = quote["candidates"]
        assert first == {
            "offering": "gold/sora_video2",
            "provider": "gold",
            "model": "sora-2",
            "seconds": "8",
            "price_usd": "0.10",
            "quote_microusd": 100_000,
            "share": 1.0,
            "expected_microusd": 100_000.0,
            "paid_attempts": 1.0,
            "risk_microusd": first["risk_microusd"],
            "wait_microusd": 0.0,
            "total_microusd": round(100_000.0 + first["risk_microusd"], 1),
            "wait_s": first["wait_s"],
            "success": 0.95,
            "success_low": 0.8525,
            "outcomes": 0.0,
            "p50_s": 120.0,
            "p90_s": 120.0,
            "in_flight": 0,
            "busy": 0.0,
            "weight": 1.0,
            "priority": 1,
            "probing": False,
            "late": False,
            "flips_at_microusd": 120_000,
            "on_ambiguous": "hold",
        }
        assert (second["offering"], second["flips_at_microusd"], second["share"]) == ("shen-ma/sora_video2", 100_000, 0)
        assert (quote["basis"], quote["reason"], quote["chosen"]) == ("expected_cost", "best", None)
        assert quote["order"] == [first["offering"], second["offering"]]
        (excluded,) = quote["excluded"]
        assert (excluded["offering"], excluded["cause"], excluded["message"]) == (
            *("third/sora", "seconds", "sells 15 seconds"),
        )


async def test_a_price_beyond_the_flip_takes_the_first_place() -> None:
    async with an_open_door(MemoryEngine(a_shop())) as opened:
        flip = (await quoted(opened))["candidates"][0]["flips_at_microusd"]
    shop = a_shop()
    for changed, first in ((flip - 1_000, "gold"), (flip + 1_000, "shen-ma")):
        offering = replace(shop.offerings[0], price=a_price(changed))
        dearer = replace(shop, offerings=(offering, *shop.offerings[1:]))
        async with an_open_door(MemoryEngine(dearer)) as opened:
            assert (await quoted(opened))["candidates"][0]["provider"] == first


async def test_a_quote_says_what_the_whole_job_is_expected_to_come_to() -> None:
    async with an_open_door(MemoryEngine(a_shop())) as opened:
        expected = (await quoted(opened))["expected"]
        # 0.8525 x 0.10 at first, and what is left of it at 0.12.
        assert expected["cost_usd"] == "0.100339"
        assert expected["delivered"] == round(1 - (1 - 0.8525) ** 2, 4)
        assert expected["wait_s"] > 100
        alone = (await quoted(opened, allow_fallbacks=False))["expected"]
        assert (alone["cost_usd"], alone["delivered"]) == ("0.08525", 0.8525)
        assert (await quoted(opened, max_price_usd="0.01"))["expected"] is None


@pytest.mark.parametrize(
    ("routing", "basis", "reason"),
    [
        ({"sort": "price"}, "price", "best"),
        ({"sort": "latency"}, "time", "best"),
        ({"order": ["shen-ma"]}, "expected_cost", "ordered"),
    ],
)
async def test_a_quote_says_what_candidates_are_compared_by_and_why_the_first_is_it(
    routing: dict[str, Any], basis: str, reason: str
) -> None:
    async with an_open_door(MemoryEngine(a_shop())) as opened:
        quote = await quoted(opened, **routing)
        assert (quote["basis"], quote["reason"]) == (basis, reason)
        assert sum(each["share"] for each in quote["candidates"]) == 1.0


async def test_a_quote_in_an_outage_says_who_is_on_probation() -> None:
    probing = ProviderStanding(probing=True)
    async with an_open_door(MemoryEngine(a_shop(), standings={"jizhi": probing, "shen-ma": probing})) as opened:
        quote = await quoted(opened)
        assert quote["reason"] == "panic"
        assert [each["probing"] for each in quote["candidates"]] == [True, True]


async def test_a_hidden_quote_tells_its_terms_and_no_name() -> None:
    engine = MemoryEngine(a_shop())
    async with an_open_door(engine, naming=Naming(engine.catalog, shown=False)) as opened:
        quote = await quoted(opened)
        assert quote["order"] == ["offering-1", "offering-2"]
        assert [each["provider"] for each in quote["candidates"]] == ["provider-1", "provider-2"]
        assert_nothing_told(quote)


def assert_nothing_told(answer: dict[str, Any]) -> None:
    text = orjson.dumps(answer).decode()
    assert [secret for secret in SECRETS if secret in text] == []


async def test_each_attempts_decision_is_included_where_it_is_asked_for() -> None:
    engine = MemoryEngine(a_shop())
    job = a_decided_job(engine)
    async with an_open_door(engine) as opened, AsyncOpenAI(base_url=f"{opened.url}/v1", api_key="any") as client:
        assert "routing" not in (await client.videos.retrieve(job.id)).to_dict()
        video = await client.videos.retrieve(job.id, extra_query={"include": ["routing", "deleted"]})
        first, second = video.to_dict()["routing"]  # type: ignore[misc]
        quote = await quoted(opened)
        assert first.keys() - {"attempt"} == quote.keys() - {"object", "terms"}
        assert (first["attempt"], first["chosen"], second["attempt"]) == (1, "gold/sora_video2", 2)
        assert first["candidates"] == [
            {name: value for name, value in each.items() if name != "on_ambiguous"} for each in quote["candidates"]
        ]
        assert first["excluded"] == quote["excluded"]
        assert second["more_excluded"] == {"size": 7}


async def test_who_is_configured_no_more_is_a_number_and_his_words_are_kept() -> None:
    engine = MemoryEngine(a_shop())
    job = a_decided_job(engine)
    async with an_open_door(engine) as opened:
        video = await answered(opened, "GET", f"/v1/videos/{job.id}?include=routing")
        second = video["routing"][1]
        assert second["chosen"] == "offering-2"
        assert [(each["offering"], each["provider"]) for each in second["candidates"]] == [
            ("offering-2", "provider-2"),
            ("shen-ma/old-name", "shen-ma"),
        ]
        assert [(each["offering"], each["cause"], each["message"]) for each in second["excluded"]] == [
            ("gold/sora_video2", "tried", "was tried for this job already"),
            ("offering-6", "cooling", "is not configured any more, so that only the cause is told"),
            ("shen-ma/house", "unsupported", "the house takes no images"),
        ]
        assert second["excluded"][1]["retry_after_s"] == 4


async def test_hidden_decisions_have_the_numbers_of_the_jobs_attempts_and_no_name() -> None:
    engine = MemoryEngine(a_shop())
    job = a_decided_job(engine)
    async with an_open_door(engine, naming=Naming(engine.catalog, shown=False)) as opened:
        video = await answered(opened, "GET", f"/v1/videos/{job.id}?include=routing")
        first, second = video["routing"]
        assert [first["chosen"], second["chosen"]] == ["offering-1", "offering-2"]
        assert [each["provider"] for each in first["candidates"]] == ["provider-1", "provider-3"]
        assert [each["provider"] for each in second["candidates"]] == ["provider-2", "provider-3"]
        told = [each["message"] for each in second["excluded"]]
        assert told[0] == "was tried for this job already"
        assert set(told[1:]) == {"is not configured any more, so that only the cause is told"}
        assert_nothing_told(video)


async def test_a_decision_of_an_attempt_that_is_not_shown_yet_is_not_told() -> None:
    engine = MemoryEngine(a_shop())
    job = a_decided_job(engine)
    engine.stored[job.id] = replace(job, attempts=job.attempts[:1])
    async with an_open_door(engine) as opened:
        video = await answered(opened, "GET", f"/v1/videos/{job.id}?include=routing")
        assert [each["attempt"] for each in video["routing"]] == [1]
        fresh = engine.add()
        assert (await answered(opened, "GET", f"/v1/videos/{fresh.id}?include=routing"))["routing"] == []


async def test_what_may_be_included_is_said_with_how_to_say_both() -> None:
    engine = MemoryEngine(a_shop())
    job = engine.completed()
    async with an_open_door(engine) as opened, AsyncOpenAI(base_url=f"{opened.url}/v1", api_key="any") as client:
        for query in ({"include": "everything"}, {"include": "routing,deleted"}, {"include": ["routing", "x"]}):
            with pytest.raises(openai.BadRequestError, match="include=deleted&include=routing") as bad:
                await client.videos.retrieve(job.id, extra_query=query)
            assert bad.value.param == "include"


async def test_decisions_out_of_reach_are_a_reason_to_come_again() -> None:
    class Unreached(MemoryEngine):
        async def decisions(self, job: Job) -> tuple[tuple[str, DecisionRecord], ...]:
            raise UnavailableError("the router cannot reach its jobs at the moment", 5.0)

    engine = Unreached(a_shop())
    job = engine.completed()
    async with (
        an_open_door(engine, limits=LIMITS) as opened,
        opened.session.get(f"{opened.url}/v1/videos/{job.id}?include=routing") as response,
    ):
        assert (response.status, response.headers["Retry-After"]) == (503, "5")
