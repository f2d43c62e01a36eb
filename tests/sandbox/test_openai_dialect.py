"""The OpenAI dialect over real sockets."""

import io

import aiohttp
import pytest

from providers.canonical import Size
from providers.sandbox import clips
from tests.sandbox.buyer import LIFE_S

PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)


async def test_a_job_goes_from_queued_to_a_video(open_for, clock):
    buyer = await open_for("openai")
    created = (await buyer.create(buyer.order(seconds="8", size="1280x720"))).document
    assert created["id"].startswith("video_")
    assert created | {"id": ""} == {
        "id": "",
        "object": "video",
        "model": "sora-2",
        "status": "queued",
        "progress": 0,
        "created_at": int(clock.now),
        "size": "1280x720",
        "seconds": "8",
        "quality": "standard",
        "completed_at": None,
        "expires_at": None,
        "error": None,
        "prompt": None,
        "remixed_from_video_id": None,
    }
    clock.advance(58)
    running = (await buyer.poll(created["id"])).document
    assert running["status"] == "in_progress"
    assert 0 < running["progress"] < 100
    clock.advance(LIFE_S)
    done = (await buyer.poll(created["id"])).document
    assert (done["status"], done["progress"]) == ("completed", 100)
    assert done["expires_at"] == done["completed_at"] + 3600
    video = await buyer.fetch(created["id"])
    assert video.headers["Content-Type"] == "video/mp4"
    assert video.body == clips.video(Size(1280, 720), 8)


async def test_a_multipart_create_takes_a_picture_as_a_file(open_for):
    buyer = await open_for("openai")
    form = aiohttp.FormData({"prompt": "a kite", "model": "sora-2-pro", "seconds": "4", "size": "1024x1792"})
    form.add_field("input_reference", PNG, filename="kite.png", content_type="image/png")
    heard = await buyer.ask("POST", "/v1/videos", data=form)
    assert (heard.status, heard.document["size"]) == (200, "1024x1792")
    assert (buyer.entry().images, buyer.entry().billed_microusd) == (1, 2_000_000)


async def test_a_form_field_may_name_the_picture_by_url(open_for):
    buyer = await open_for("openai")
    form = aiohttp.FormData({"prompt": "a kite", "input_reference[image_url]": "https://pictures.example/kite.png"})
    form.add_field("seconds", "4", content_type="text/plain")
    assert (await buyer.ask("POST", "/v1/videos", data=form)).status == 200
    assert buyer.entry().images == 1


async def test_only_the_prompt_has_no_default(open_for):
    buyer = await open_for("openai")
    created = (await buyer.create({"prompt": "a kite"})).document
    assert (created["model"], created["seconds"], created["size"]) == ("sora-2", "4", "720x1280")


@pytest.mark.parametrize(
    ("changes", "param", "hint"),
    [
        ({"prompt": None}, "prompt", "1 to 32000"),
        ({"seconds": "10"}, "seconds", "'4', '8', '12'"),
        ({"seconds": 4}, "seconds", "expected a string"),
        ({"size": "640x480"}, "size", "'720x1280', '1280x720'"),
        ({"size": "1024x1792"}, "size", "'720x1280', '1280x720'"),
        ({"input_reference": {"image_url": "ftp://x/y"}}, "input_reference", "exactly one of"),
        ({"input_reference": {"image_url": "https://a/b", "file_id": "f"}}, "input_reference", "exactly one of"),
        ({"input_reference": "https://a/b"}, "input_reference", "exactly one of"),
    ],
)
async def test_a_bad_field_is_refused_by_name_and_not_billed(open_for, changes, param, hint):
    buyer = await open_for("openai")
    heard = await buyer.create(buyer.order(**changes))
    error = heard.document["error"]
    assert (heard.status, error["type"], error["param"]) == (400, "invalid_request_error", param)
    assert hint in error["message"]
    assert buyer.sandbox.books().accepted == ()


async def test_a_file_that_is_no_picture_is_refused(open_for):
    buyer = await open_for("openai")
    form = aiohttp.FormData({"prompt": "a kite"})
    form.add_field("input_reference", b"%PDF-1.7", filename="kite.png", content_type="image/png")
    assert (await buyer.ask("POST", "/v1/videos", data=form)).status == 400


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"'])
async def test_a_body_that_is_no_object_is_refused(open_for, body):
    buyer = await open_for("openai")
    headers = {"Authorization": f"Bearer {buyer.sandbox.key}", "Content-Type": "application/json"}
    heard = await buyer.ask("POST", "/v1/videos", data=body, headers=headers)
    assert (heard.status, heard.document["error"]["type"]) == (400, "invalid_request_error")


async def test_a_model_not_sold_is_unknown(open_for):
    buyer = await open_for("openai")
    assert (await buyer.create(buyer.order(model="veo"))).document["error"]["code"] == "model_not_found"


async def test_the_list_pages_through_all_jobs(open_for):
    buyer = await open_for("openai")
    bought = [await buyer.buy() for _ in range(5)]
    seen: list[str] = []
    params = {"limit": "2", "order": "asc"}
    while True:
        page = (await buyer.ask("GET", "/v1/videos", params=params)).document
        seen += [video["id"] for video in page["data"]]
        assert (page["first_id"], page["last_id"]) == (page["data"][0]["id"], page["data"][-1]["id"])
        if not page["has_more"]:
            break
        params["after"] = page["last_id"]
    assert seen == bought
    newest_first = (await buyer.ask("GET", "/v1/videos")).document["data"]
    assert [video["id"] for video in newest_first] == bought[::-1]


@pytest.mark.parametrize("params", [{"limit": "101"}, {"limit": "x"}, {"order": "up"}])
async def test_a_bad_page_is_refused(open_for, params):
    buyer = await open_for("openai")
    assert (await buyer.ask("GET", "/v1/videos", params=params)).status == 400


async def test_only_an_ended_job_can_be_deleted_and_it_stays_in_the_books(open_for, clock):
    buyer = await open_for("openai")
    job_id = await buyer.buy()
    assert (await buyer.ask("DELETE", f"/v1/videos/{job_id}")).status == 400
    clock.advance(LIFE_S)
    gone = await buyer.ask("DELETE", f"/v1/videos/{job_id}")
    assert gone.document == {"id": job_id, "deleted": True, "object": "video.deleted"}
    assert (await buyer.poll(job_id)).status == 404
    assert (buyer.entry().deleted, buyer.entry().billed_microusd) == (True, 400_000)


async def test_content_before_the_end_is_refused(open_for):
    buyer = await open_for("openai")
    heard = await buyer.fetch(await buyer.buy())
    assert heard.status == 400
    assert "current status: queued" in heard.document["error"]["message"]


@pytest.mark.parametrize(("variant", "kind"), [("thumbnail", "image/webp"), ("spritesheet", "image/jpeg")])
async def test_pictures_are_variants_of_the_content(open_for, clock, variant, kind):
    buyer = await open_for("openai")
    job_id = await buyer.buy()
    clock.advance(LIFE_S)
    heard = await buyer.fetch(job_id, params={"variant": variant})
    assert (heard.status, heard.headers["Content-Type"]) == (200, kind)
    assert (await buyer.fetch(job_id, params={"variant": "gif"})).status == 400


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}])
@pytest.mark.parametrize("path", ["/v1/videos", "/v1/videos/x", "/v1/videos/x/content"])
async def test_without_the_key_nothing_is_told(open_for, path, headers):
    buyer = await open_for("openai")
    heard = await buyer.ask("GET", path, headers=headers)
    assert (heard.status, heard.document["error"]["code"]) == (401, "invalid_api_key")


async def test_a_path_that_is_not_there_is_answered_in_the_envelope(open_for):
    buyer = await open_for("openai")
    heard = await buyer.ask("GET", "/v1/chat")
    assert (heard.status, heard.document["error"]["message"]) == (404, "Invalid URL (GET /v1/chat)")


async def test_a_body_over_the_limit_is_refused(open_for):
    buyer = await open_for("openai")
    headers = {"Authorization": f"Bearer {buyer.sandbox.key}", "Content-Type": "application/json"}
    heard = await buyer.ask("POST", "/v1/videos", data=io.BytesIO(bytes(33 * 1024 * 1024)), headers=headers)
    assert (heard.status, heard.document["error"]["type"]) == (413, "invalid_request_error")
