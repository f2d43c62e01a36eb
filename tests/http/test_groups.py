"""Groups of models: listed, asked for by their name, and what was really made is told."""

from dataclasses import replace
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI

from router.core.preferences import DurationPolicy, RoutingPreferences
from router.http.naming import Naming
from tests.builders import a_video
from tests.http.doors import MemoryEngine, Opened, an_open_door
from tests.http.test_routing_wishes import a_bazaar

pytestmark = pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning")


def client_of(opened: Opened) -> AsyncOpenAI:
    return AsyncOpenAI(base_url=f"{opened.url}/v1", api_key="any")


async def retrieved(opened: Opened, video_id: str) -> dict[str, Any]:
    async with opened.session.get(f"{opened.url}/v1/videos/{video_id}") as response:
        video: dict[str, Any] = await response.json()
        return video


async def test_groups_are_listed_behind_the_models_and_say_what_is_in_them() -> None:
    async with an_open_door(MemoryEngine(a_bazaar())) as opened, client_of(opened) as client:
        listed = [model async for model in client.models.list()]
        assert [(model.id, model.owned_by) for model in listed] == [
            *((name, "video-router") for name in ("sora-2", "veo-3", "standard"))
        ]
        group = await client.models.retrieve("standard")
        assert group == listed[-1]
        assert group.to_dict()["models"] == ["sora-2", "veo-3"]
        assert "models" not in listed[0].to_dict()
        with pytest.raises(openai.NotFoundError, match="the models are: sora-2, veo-3, standard"):
            await client.models.retrieve("premium")


async def test_what_is_in_a_group_is_told_only_where_providers_are_shown() -> None:
    engine = MemoryEngine(a_bazaar())
    async with an_open_door(engine, naming=Naming(engine.catalog, shown=False)) as opened, client_of(opened) as client:
        group = (await client.models.retrieve("standard")).to_dict()
        assert group == {"id": "standard", "object": "model", "created": 0, "owned_by": "video-router"}


async def test_a_group_is_made_by_whoever_makes_any_of_its_models() -> None:
    async with an_open_door(MemoryEngine(a_bazaar())) as opened, client_of(opened) as client:
        video = await client.videos.create(prompt="x", model="standard", seconds="12")
        assert (video.model, video.seconds) == ("standard", "12")
        async with opened.session.post(
            f"{opened.url}/v1/videos/quote", json={"prompt": "x", "model": "standard", "seconds": 8}
        ) as response:
            quote = await response.json()
        assert quote["model"] == "standard"
        assert [(each["offering"], each["model"]) for each in quote["candidates"]] == [
            ("relay-a/sora-2", "sora-2"),
            ("relay-b/veo-3", "veo-3"),
            ("relay-b/sora-2", "sora-2"),
        ]


async def test_a_model_nobody_sells_names_the_groups_too() -> None:
    async with an_open_door(MemoryEngine(a_bazaar())) as opened, client_of(opened) as client:
        with pytest.raises(openai.BadRequestError, match="the models are: sora-2, veo-3, standard"):
            await client.videos.create(prompt="x", model="premium")


async def test_a_video_keeps_what_was_asked_and_tells_what_was_made() -> None:
    engine = MemoryEngine(a_bazaar())
    asked = a_video(model="standard", seconds=10)
    job = engine.add(video=asked, preferences=RoutingPreferences(duration_policy=DurationPolicy.AT_LEAST))
    async with an_open_door(engine) as opened:
        video = await retrieved(opened, job.id)
        assert (video["model"], video["seconds"], video["delivered"]) == ("standard", "10", None)
        made = engine.complete(job.id)
        engine.stored[job.id] = replace(
            made, attempts=(replace(made.attempts[0], offering_id="relay-b/veo-3", provider="relay-b", seconds=12),)
        )
        video = await retrieved(opened, job.id)
        assert (video["model"], video["seconds"]) == ("standard", "10")
        assert video["delivered"] == {"model": "veo-3", "seconds": "12"}


@pytest.mark.parametrize(
    ("model", "fallbacks", "made"), [("sora-2", (), "sora-2"), ("standard", (), None), ("sora-2", ("veo-3",), None)]
)
async def test_an_offering_that_is_gone_is_not_guessed_at(
    model: str, fallbacks: tuple[str, ...], made: str | None
) -> None:
    engine = MemoryEngine(a_bazaar())
    job = engine.completed(video=a_video(model=model), preferences=RoutingPreferences(models=fallbacks))
    attempt = replace(job.attempts[0], offering_id="relay-c/tall", provider="relay-c")
    engine.stored[job.id] = replace(job, attempts=(attempt,))
    async with an_open_door(engine) as opened:
        assert (await retrieved(opened, job.id))["delivered"] == {"model": made, "seconds": "10"}
