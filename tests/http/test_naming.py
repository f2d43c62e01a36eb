"""Whether a caller learns who makes the videos: by alias, or not at all."""

from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.canonical import Failure, Reason, Stage
from router.core.catalog import Catalog
from router.core.eligibility import ExclusionCause, ProviderStanding
from router.core.job import AttemptState, JobState
from router.http.naming import Naming
from tests.builders import EPOCH, PlainAdapter, a_catalog, a_provider, an_attempt, an_offering
from tests.http.doors import MemoryEngine, Opened, an_open_door

ADDRESSES = {"jizhi": "https://api.jizhi-relay.cn/v1", "shen-ma": "http://10.1.2.3:8080", "third": "https://x.io"}
SECRETS = ("jizhi", "shen-ma", "shen_ma", "third", "gold", "house-dialect", "sora_video2", "10.1.2.3", "x.io")
TELLTALE = (
    "JIZHI says: sora_video2 of house-dialect at api.jizhi-relay.cn, 10.1.2.3 and x.io wants gold; shen ma, "
    "Shen_Ma, jizhi-relay and sora_video2-portrait of sora-2 are full"
)


def a_secret_shop(cannot: str | None = None) -> Catalog:
    """Three providers of sora-2: two under one alias, and all behind upstream models with names of their own."""
    offerings = [
        an_offering(name, id=f"{name}/sora_video2", model="sora-2", upstream_model="sora_video2", seconds=(8,))
        for name in ("jizhi", "shen-ma", "third")
    ]
    offerings.insert(
        1,
        an_offering("jizhi", id="jizhi/tall", model="sora-2", upstream_model="sora_video2-portrait", seconds=(15,)),
    )
    aliases = {"jizhi": "gold", "shen-ma": "gold", "third": None}
    return a_catalog(
        *offerings,
        **{
            name: a_provider(name, alias=alias, dialect="house-dialect", adapter=PlainAdapter(cannot))
            for name, alias in aliases.items()
        },
    )


async def asked(opened: Opened, method: str, path: str, **request: Any) -> dict[str, Any]:
    async with opened.session.request(method, opened.url + path, **request) as response:
        answer: dict[str, Any] = await response.json()
        return answer


def a_failed_job(engine: MemoryEngine) -> str:
    attempts = [
        an_attempt(
            number,
            provider=name,
            state=AttemptState.FAILED,
            stage=Stage.SUBMIT,
            reason=Reason.INVALID,
            billed=False,
        )
        for number, name in enumerate(("third", "jizhi", "third", "gone"), 1)
    ]
    failure = Failure(Stage.SUBMIT, Reason.INVALID, TELLTALE)
    return engine.add(state=JobState.FAILED, ended_at=EPOCH, failure=failure, attempts=tuple(attempts)).id


def assert_nothing_told(answer: dict[str, Any]) -> None:
    text = orjson.dumps(answer).decode().lower()
    assert [secret for secret in SECRETS if secret in text] == []


async def test_aliases_stand_for_names_and_a_provider_that_is_gone_is_a_number() -> None:
    engine = MemoryEngine(a_secret_shop())
    video_id = a_failed_job(engine)
    async with an_open_door(engine, naming=Naming(engine.catalog, ADDRESSES)) as opened:
        error = (await asked(opened, "GET", f"/v1/videos/{video_id}"))["error"]
        assert [attempt["provider"] for attempt in error["attempts"]] == ["third", "gold", "third", "provider-3"]
        assert "jizhi" not in error["message"].lower()
        assert "sora_video2" in error["message"]
        quote = await asked(opened, "POST", "/v1/videos/quote", json={"prompt": "x", "seconds": 15})
        assert [(each["offering"], each["provider"]) for each in quote["candidates"]] == [("gold/tall", "gold")]
        assert [each["offering"] for each in quote["excluded"]] == [
            "gold/sora_video2",
            "gold/sora_video2",
            "third/sora_video2",
        ]


async def test_hidden_providers_are_numbers_everywhere() -> None:
    engine = MemoryEngine(a_secret_shop())
    video_id = a_failed_job(engine)
    async with an_open_door(engine, naming=Naming(engine.catalog, ADDRESSES, shown=False)) as opened:
        video = await asked(opened, "GET", f"/v1/videos/{video_id}")
        assert [attempt["provider"] for attempt in video["error"]["attempts"]] == [
            *("provider-1", "provider-2", "provider-1", "provider-3")
        ]
        quote = await asked(opened, "POST", "/v1/videos/quote", json={"prompt": "x", "seconds": 15})
        assert [(each["offering"], each["provider"]) for each in quote["candidates"]] == [("offering-2", "provider-1")]
        assert [(each["offering"], each["provider"]) for each in quote["excluded"]] == [
            *(("offering-1", "provider-1"), ("offering-3", "provider-2"), ("offering-4", "provider-3"))
        ]
        listing = await asked(opened, "GET", "/v1/videos")
        content = await asked(opened, "GET", f"/v1/videos/{video_id}/content")
        for answer in (video, quote, listing, content, await asked(opened, "GET", "/v1/models")):
            assert_nothing_told(answer)


@pytest.mark.parametrize("cause", [None, ExclusionCause.EJECTED])
async def test_what_nobody_can_serve_is_explained_without_names(cause: ExclusionCause | None) -> None:
    barred = ProviderStanding(barred=TELLTALE, barred_cause=cause or ExclusionCause.EJECTED, retry_after_s=5.0)
    shop = a_secret_shop(cannot=TELLTALE if cause is None else None)
    engine = MemoryEngine(shop, standings=dict.fromkeys(shop.providers, barred) if cause else {})
    async with an_open_door(engine, naming=Naming(shop, ADDRESSES, shown=False)) as opened:
        answer = await asked(opened, "POST", "/v1/videos", json={"prompt": "x", "seconds": 8})
        assert "offering-1: " in answer["error"]["message"]
        assert "of sora-2 are full" in answer["error"]["message"]
        assert_nothing_told(answer)


async def test_a_caller_routes_by_alias_name_or_offering() -> None:
    engine = MemoryEngine(a_secret_shop())
    async with an_open_door(engine) as opened:
        for names in (["gold"], ["jizhi", "shen-ma"], ["gold/sora_video2"], ["jizhi/sora_video2", "shen-ma"]):
            await asked(opened, "POST", "/v1/videos", json={"prompt": "x", "seconds": 8, "routing": {"only": names}})
        assert [order.preferences.only for order in engine.orders] == [
            ("jizhi", "shen-ma"),
            ("jizhi", "shen-ma"),
            ("jizhi/sora_video2", "shen-ma/sora_video2"),
            ("jizhi/sora_video2", "shen-ma"),
        ]
        refused = await asked(
            opened, "POST", "/v1/videos", json={"prompt": "x", "seconds": 8, "routing": {"ignore": ["godl"]}}
        )
        assert "none of: gold, third, gold/sora_video2, gold/tall" in refused["error"]["message"]
        assert "jizhi" not in refused["error"]["message"]


@pytest.mark.parametrize("field", ["only", "ignore"])
async def test_hidden_names_cannot_be_probed(field: str) -> None:
    engine = MemoryEngine(a_secret_shop())
    async with an_open_door(engine, naming=Naming(engine.catalog, ADDRESSES, shown=False)) as opened:
        answers = [
            await asked(
                opened, "POST", "/v1/videos/quote", json={"prompt": "x", "seconds": 8, "routing": {field: [name]}}
            )
            for name in ("jizhi", "gold", "jizhi/sora_video2", "provider-1", "nobody")
        ]
        assert {answer["error"]["param"] for answer in answers} == {f"routing.{field}"}
        assert len({answer["error"]["message"] for answer in answers}) == 1
        assert_nothing_told(answers[0])


def test_a_public_models_name_stays_readable_although_a_provider_is_called_like_it() -> None:
    shop = a_secret_shop()
    clash = Catalog.of(
        (replace(shop.providers["third"], name="sora"),),
        (an_offering("sora", model="sora-2-pro", upstream_model="sora-2"),),
    )
    assert (
        Naming(clash, shown=False).words("sora and sora-2 sell sora-2-pro")
        == "[provider] and [provider] sell sora-2-pro"
    )


@given(
    before=st.text(max_size=20),
    name=st.sampled_from(
        ["jizhi", "JiZhi", "shen-ma", "SHEN_MA", "jizhi/sora_video2", "sora-video2", "jizhi-relay.cn"]
    ),
    after=st.text(max_size=20),
)
def test_no_spelling_of_a_hidden_name_is_left_in_any_words(before: str, name: str, after: str):
    told = Naming(a_secret_shop(), ADDRESSES, shown=False).words(f"{before}{name}{after}").lower()
    assert not [each for each in ("jizhi", "shen-ma", "shen_ma", "sora_video2", "sora-video2") if each in told]


def test_shown_names_are_left_in_an_upstreams_words() -> None:
    shop = a_catalog(an_offering("relay-a"), **{"relay-a": a_provider("relay-a")})
    assert Naming(shop).words("relay-a is full") == "relay-a is full"


@pytest.mark.parametrize(
    "said", ["relay-{}", "RELAY {}", "Relay_{}", "relay{}", "reLAY-{}/house-{}-tall", "house-{}-tall", "house {} TALL"]
)
def test_names_are_hidden_however_many_there_are_and_however_they_are_spelled(said: str) -> None:
    offerings = [
        an_offering(f"relay-{number}", id=f"relay-{number}/house-{number}-tall", upstream_model=f"house-{number}-tall")
        for number in range(100, 400)
    ]
    providers = {offering.provider: a_provider(offering.provider) for offering in offerings}
    naming = Naming(a_catalog(*offerings, **providers), shown=False)
    for number in (100, 250, 399):
        assert naming.words(f"ask {said.format(number, number)} again").lower().count(str(number)) == 0
    assert naming.words("ask somebody else again") == "ask somebody else again"


@pytest.mark.parametrize("said", ["ſhen-ma", "JİZHI", "jızhi"])
def test_letters_that_stand_for_others_hide_nothing_from_the_router(said: str) -> None:
    assert said not in Naming(a_secret_shop(), ADDRESSES, shown=False).words(f"{said} is full")
