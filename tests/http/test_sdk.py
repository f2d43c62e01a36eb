"""The official SDK, unmodified, against the front door: what backends really send and expect."""

import base64
import hashlib
import io
from pathlib import Path

import openai
import pytest
from openai import AsyncOpenAI

from providers.canonical import Failure, ImageFile, ImageUrl, Reason, Stage
from router.core.eligibility import ProviderStanding
from router.core.job import JobState
from router.core.limits import Caller
from router.core.preferences import DurationPolicy
from tests.builders import a_catalog, a_provider, an_offering
from tests.http.doors import PNG, VIDEO, MemoryEngine, Opened, an_open_door

pytestmark = pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning")


def client_of(opened: Opened, key: str = "any", retries: int = 2) -> AsyncOpenAI:
    return AsyncOpenAI(base_url=f"{opened.url}/v1", api_key=key, max_retries=retries)


async def test_a_create_becomes_an_order_and_the_answer_a_video() -> None:
    async with an_open_door() as opened, client_of(opened) as client:
        video = await client.videos.create(prompt="ein Hafen, 静かな港", model="sora-2", seconds="8", size="720x1280")
        assert (video.status, video.progress, video.seconds, video.size) == ("queued", 0, "8", "720x1280")
        assert (video.prompt, video.error, video.completed_at) == ("ein Hafen, 静かな港", None, None)
        order = opened.engine.orders[0]
        assert (order.caller, order.video.prompt, order.video.seconds) == ("anonymous", "ein Hafen, 静かな港", 8)


async def test_what_is_left_out_comes_from_the_defaults() -> None:
    async with an_open_door() as opened, client_of(opened) as client:
        video = await client.videos.create(prompt="a harbour")
        assert (video.model, video.seconds, video.size) == ("sora-2", "8", "720x1280")


async def test_an_image_file_arrives_as_its_bytes_under_a_name_of_ours() -> None:
    async with an_open_door() as opened, client_of(opened) as client:
        await client.videos.create(
            prompt="x", input_reference=("../../my holiday.gif", io.BytesIO(PNG), "application/pdf"), seconds="8"
        )
        assert opened.engine.orders[0].video.images == (ImageFile(PNG, "image/png", "input.png"),)


async def test_extension_fields_travel_through_extra_body() -> None:
    extra = {
        "images": ["https://example.com/a.png", "https://example.com/b.png"],
        "watermark": False,
        "metadata": {"shot": "12"},
        "routing": {"ignore": ["relay-a"], "max_price_usd": "0.25", "duration_policy": "at_least"},
    }
    async with an_open_door() as opened, client_of(opened) as client:
        await client.videos.create(prompt="x", seconds="8", extra_body=extra)
        order = opened.engine.orders[0]
        assert order.video.images == (ImageUrl("https://example.com/a.png"), ImageUrl("https://example.com/b.png"))
        assert (order.video.watermark, order.metadata) == (False, {"shot": "12"})
        assert (order.preferences.ignore, order.preferences.price_microusd_max) == (("relay-a",), 250_000)
        assert order.preferences.duration_policy is DurationPolicy.AT_LEAST


async def test_an_image_link_as_a_reference_object_travels_through_extra_body() -> None:
    async with an_open_door() as opened, client_of(opened) as client:
        reference = {"input_reference": {"image_url": "https://example.com/a.png"}}
        await client.videos.create(prompt="x", seconds="8", extra_body=reference)
        assert opened.engine.orders[0].video.images == (ImageUrl("https://example.com/a.png"),)


async def test_an_image_link_as_a_text_travels_through_extra_body() -> None:
    link, file = "https://example.com/a.png", f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    async with an_open_door() as opened, client_of(opened) as client:
        for text in (link, file):
            await client.videos.create(prompt="x", seconds="8", extra_body={"input_reference": text})
        expected = [(ImageUrl(link),), (ImageFile(PNG, "image/png", "input.png"),)]
        assert [order.video.images for order in opened.engine.orders] == expected
        with pytest.raises(openai.BadRequestError, match="an https URL or a data URL as a text, a file part") as bad:
            await client.videos.create(prompt="x", seconds="8", extra_body={"input_reference": "file_1"})
        assert bad.value.param == "input_reference"


async def test_create_and_poll_asks_again_as_often_as_it_is_told() -> None:
    engine = MemoryEngine(lookups_left=4)
    async with an_open_door(engine, poll_after_ms=1) as opened, client_of(opened) as client:
        video = await client.videos.create_and_poll(prompt="x", seconds="8")
        assert (video.status, video.progress, video.completed_at) == ("completed", 100, 1_700_000_090)
        assert [route for route, method, _ in opened.seen if method == "GET"] == ["/v1/videos/{video_id}"] * 4


async def test_listing_pages_through_the_callers_jobs_in_either_order() -> None:
    engine = MemoryEngine()
    ids = [engine.add().id for _ in range(7)]
    engine.add("somebody else")
    async with an_open_door(engine) as opened, client_of(opened) as client:
        assert [video.id async for video in client.videos.list(limit=3, order="asc")] == ids
        assert [video.id async for video in client.videos.list(limit=2)] == ids[::-1]
        assert (await client.videos.list(after=ids[-1], order="asc")).data == []


async def test_a_finished_video_is_downloaded_whole(tmp_path: Path) -> None:
    engine = MemoryEngine()
    job = engine.completed()
    async with an_open_door(engine) as opened, client_of(opened) as client:
        content = await client.videos.download_content(job.id)
        content.write_to_file(tmp_path / "video.mp4")
        assert (tmp_path / "video.mp4").read_bytes() == VIDEO


async def test_an_ended_job_is_deleted_and_a_live_one_is_cancelled_with_a_word_on_its_money() -> None:
    engine = MemoryEngine()
    ended, live = engine.completed(), engine.add()
    async with an_open_door(engine) as opened, client_of(opened) as client:
        answer = await client.videos.delete(ended.id)
        assert (answer.id, answer.deleted, answer.object) == (ended.id, True, "video.deleted")
        assert "cancelled" not in answer.to_dict()
        cancelled = (await client.videos.delete(live.id)).to_dict()
        assert (cancelled["deleted"], cancelled["cancelled"], cancelled["may_be_charged"]) == (True, True, False)
        with pytest.raises(openai.NotFoundError):
            await client.videos.retrieve(live.id)


async def test_what_may_be_included_is_said() -> None:
    engine = MemoryEngine()
    job = engine.completed()
    async with an_open_door(engine) as opened, client_of(opened) as client:
        assert (await client.videos.retrieve(job.id, extra_query={"include": "deleted"})).id == job.id
        with pytest.raises(openai.BadRequestError, match="include must be deleted"):
            await client.videos.retrieve(job.id, extra_query={"include": "secrets"})


async def test_models_for_sale_are_listed() -> None:
    async with an_open_door() as opened, client_of(opened) as client:
        assert [model.id async for model in client.models.list()] == ["sora-2"]


async def test_a_model_for_sale_is_retrieved_by_its_name() -> None:
    named = an_offering("relay-a", id="relay-a/sora", model="studio/sora 2:pro")
    engine = MemoryEngine(catalog=a_catalog(named, **{"relay-a": a_provider("relay-a")}))
    async with an_open_door(engine) as opened, client_of(opened) as client:
        model = await client.models.retrieve("studio/sora 2:pro")
        assert (model.id, model.object, model.owned_by) == ("studio/sora 2:pro", "model", "video-router")
        assert [listed async for listed in client.models.list()] == [model]
        with pytest.raises(openai.NotFoundError, match="the models are: studio/sora 2:pro") as missing:
            await client.models.retrieve("sora-9")
        assert (missing.value.code, missing.value.param) == ("model_not_found", "model")
        assert {seen[0] for seen in opened.seen} == {"/v1/models", "/v1/models/{model}"}


async def test_a_length_nobody_sells_names_what_everybody_sells() -> None:
    async with an_open_door() as opened, client_of(opened) as client:
        with pytest.raises(openai.BadRequestError) as bad:
            await client.videos.create(prompt="x", model="sora-2", seconds="12")
        assert (bad.value.code, bad.value.param, bad.value.type) == ("no_offering", "seconds", "invalid_request_error")
        assert "relay-a/sora-2: sells 10, 15 seconds" in bad.value.message
        assert "relay-b/sora-2: sells 4, 8 seconds" in bad.value.message
        assert bad.value.request_id
        assert len(opened.seen) == 1


async def test_a_model_nobody_sells_names_the_models() -> None:
    async with an_open_door() as opened, client_of(opened) as client:
        with pytest.raises(openai.BadRequestError, match="the models are: sora-2") as bad:
            await client.videos.create(prompt="x", model="veo-9")
        assert bad.value.param == "model"


async def test_an_unknown_id_and_another_callers_id_are_the_same_not_found() -> None:
    engine = MemoryEngine()
    other = engine.completed("somebody else")
    async with an_open_door(engine) as opened, client_of(opened) as client:
        for video_id in ("video_none", other.id):
            for ask in (client.videos.retrieve, client.videos.download_content, client.videos.delete):
                with pytest.raises(openai.NotFoundError) as missing:
                    await ask(video_id)
                assert missing.value.code == "video_not_found"


async def test_a_wrong_key_is_an_authentication_error_and_the_right_one_names_its_caller() -> None:
    callers = (Caller("backend", hashlib.sha256(b"vr_right").hexdigest()),)
    async with an_open_door(callers=callers) as opened:
        async with client_of(opened, "vr_wrong") as stranger:
            with pytest.raises(openai.AuthenticationError) as denied:
                await stranger.videos.create(prompt="x")
            assert denied.value.code == "invalid_api_key"
            assert "vr_wrong" not in str(denied.value)
        async with client_of(opened, "vr_right") as backend:
            await backend.videos.create(prompt="x")
        assert [order.caller for order in opened.engine.orders] == ["backend"]


async def test_a_create_that_breaks_is_never_repeated_by_the_sdk() -> None:
    engine = MemoryEngine(refusal=RuntimeError("the prompt is 'secret harbour'"))
    async with an_open_door(engine) as opened, client_of(opened) as client:
        with pytest.raises(openai.InternalServerError) as broken:
            await client.videos.create(prompt="secret harbour")
        assert len(engine.orders) == 1
        assert broken.value.code == "internal_error"
        assert str(broken.value.request_id) in broken.value.message
        assert "harbour" not in str(broken.value.body)


async def test_when_everybody_is_out_the_sdk_may_wait_and_ask_again() -> None:
    out = ProviderStanding(barred="is ejected after 5 failures", retry_after_s=0.2)
    engine = MemoryEngine(standings={"relay-b": out})
    async with an_open_door(engine) as opened, client_of(opened, retries=0) as client:
        with pytest.raises(openai.InternalServerError) as busy:
            await client.videos.create(prompt="x", seconds="8")
        assert (busy.value.status_code, busy.value.code) == (503, "no_provider_available")
        assert busy.value.response.headers["retry-after"] == "1"
        assert "x-should-retry" not in busy.value.response.headers
        assert "relay-b/sora-2: is ejected after 5 failures" in busy.value.message


@pytest.mark.parametrize(
    ("failure", "code", "says"),
    [
        (Failure(Stage.PROMPT_REVIEW, Reason.REFUSED, "self-harm"), "moderation_blocked", "change the prompt"),
        (Failure(Stage.SUBMIT, Reason.AMBIGUOUS, "reset by relay-a"), "submit_unknown", "not bought again"),
        (Failure(Stage.DOWNLOAD, Reason.UNREACHABLE, "refused link"), "download.unreachable", "made and paid for"),
        (Failure(Stage.GENERATE, Reason.INTERNAL, "relay-a broke"), "generate.internal", "generation failed"),
        (Failure(Stage.ROUTE, Reason.NO_CANDIDATE), "route.no_candidate", "No offering is left"),
    ],
)
async def test_a_failed_video_says_what_to_change_and_names_no_provider(failure: Failure, code: str, says: str) -> None:
    engine = MemoryEngine()
    job = engine.add(failure=failure, state=JobState.FAILED)
    async with an_open_door(engine) as opened, client_of(opened) as client:
        video = await client.videos.retrieve(job.id)
        assert video.status == "failed"
        assert video.error is not None
        assert video.error.code == code
        assert says in video.error.message
        assert "relay-a" not in video.error.message
