"""Both relay dialects over real sockets."""

import pytest

from providers.canonical import Size
from providers.sandbox import Sandbox, clips
from tests.sandbox.buyer import LIFE_S, Buyer, find_link


@pytest.fixture(params=["jizhiai", "shenma"])
async def relay(request, open_for) -> Buyer:
    return await open_for(request.param)


async def test_create_answers_in_both_recorded_shapes_by_turns(open_for, clock):
    buyer = await open_for("jizhiai")
    first, second = [(await buyer.create()).document for _ in range(2)]
    assert first == {"id": first["id"], "status": "pending", "status_update_time": int(clock.now * 1000)}
    assert (second["object"], second["choices"][0]["finish_reason"]) == ("video.create", "processing")
    assert second["usage"]["total_tokens"] == 50
    assert first["id"].startswith("sora-2:")
    assert second["id"].startswith("sora-2:")


async def test_queries_rotate_through_all_recorded_shapes(open_for, clock):
    buyer = await open_for("jizhiai")
    bought = [await buyer.buy() for _ in range(5)]
    clock.advance(59)
    a, b, c, d, e = [(await buyer.poll(job_id)).document for job_id in bought]
    assert isinstance(a["progress"], str)
    assert "progress" not in b
    assert 0 <= c["detail"]["pending_info"]["progress_pct"] < 1
    assert isinstance(d["progress"], int)
    assert ":" not in e["id"]
    assert a["status_update_time"] > 10**11 > d["status_update_time"]
    clock.advance(LIFE_S)
    a, b, c, d, e = [(await buyer.poll(job_id)).document for job_id in bought]
    assert [a["status"], b["status"], d["status"], e["status"]] == ["completed", "completed", "succeeded", "success"]
    assert b["video_url"].startswith(" `http")
    assert c["detail"]["draft_info"]["downloadable_url"] == c["detail"]["url"]
    for job_id in bought:
        assert (await buyer.fetch(job_id)).body == clips.video(Size(720, 1280), 10)


async def test_a_query_wants_the_whole_id(open_for):
    buyer = await open_for("jizhiai")
    job_id = await buyer.buy()
    heard = await buyer.poll(job_id.partition(":")[2])
    assert (heard.status, heard.document) == (
        400,
        {"code": "task_not_exist", "message": "task_not_exist", "data": None},
    )


async def test_a_task_passes_through_every_recorded_status(open_for, clock):
    buyer = await open_for("shenma", seed=3)
    created = (await buyer.create()).document
    assert list(created) == ["task_id"]
    words, percents = [], []
    for _ in range(200):
        task = (await buyer.poll(created["task_id"])).document
        words.append(task["status"])
        percents.append(task["progress"])
        clock.advance(1)
    assert list(dict.fromkeys(words)) == ["NOT_START", "SUBMITTED", "QUEUED", "IN_PROGRESS", "SUCCESS"]
    assert percents == sorted(percents, key=lambda percent: int(percent.removesuffix("%")))
    assert (percents[0], percents[-1]) == ("0%", "100%")


async def test_a_result_comes_in_three_places_by_turns(open_for, clock):
    buyer = await open_for("shenma")
    bought = [await buyer.buy() for _ in range(3)]
    before = (await buyer.poll(bought[0])).document
    assert (before["start_time"], before["finish_time"], before["data"]) == (0, 0, None)
    clock.advance(LIFE_S)
    first, second, third = [(await buyer.poll(job_id)).document for job_id in bought]
    assert first["data"]["output"].startswith("http://127.0.0.1:")
    assert second["data"]["outputs"][0].startswith("http://127.0.0.1:")
    assert third["fail_reason"].startswith("http://127.0.0.1:")
    assert first["submit_time"] < first["start_time"] < first["finish_time"]


@pytest.mark.parametrize(
    ("dialect", "changes", "size", "seconds"),
    [
        ("jizhiai", {"orientation": "landscape", "duration": 15}, Size(1280, 720), 15),
        ("jizhiai", {"duration": "15"}, Size(720, 1280), 15),
        ("jizhiai", {"model": "sora-2-pro", "size": "large"}, Size(1024, 1792), 10),
        ("shenma", {"aspect_ratio": "16:9", "duration": "15"}, Size(1280, 720), 15),
        ("shenma", {"model": "sora-2-pro", "hd": True, "aspect_ratio": "16:9"}, Size(1792, 1024), 10),
        ("shenma", {"model": "sora-2-pro", "hd": True, "duration": "25"}, Size(720, 1280), 25),
    ],
)
async def test_a_clip_comes_as_it_was_ordered(open_for, clock, dialect, changes, size, seconds):
    buyer = await open_for(dialect)
    job_id = await buyer.buy(buyer.order(**changes))
    assert (buyer.entry().size, buyer.entry().seconds) == (str(size), seconds)
    clock.advance(LIFE_S)
    assert (await buyer.fetch(job_id)).body == clips.video(size, seconds)


@pytest.mark.parametrize(
    ("dialect", "changes", "words"),
    [
        ("jizhiai", {"images": None}, "images is required"),
        ("jizhiai", {"size": None}, "size is required for sora-2"),
        ("jizhiai", {"size": "720x1280"}, "size must be one of small, large"),
        ("jizhiai", {"orientation": "square"}, "orientation must be one of portrait, landscape"),
        ("jizhiai", {"duration": 12}, "seconds must be one of 10, 15"),
        ("jizhiai", {"duration": None, "model": "sora-2", "prompt": ""}, "prompt is required"),
        ("jizhiai", {"duration": 10.0}, "duration must be a number"),
        ("jizhiai", {"size": "large"}, "不支持 1024x1792"),
        ("shenma", {"duration": 10}, "cannot unmarshal number"),
        ("shenma", {"duration": "12"}, "duration must be one of 10, 15, 25"),
        ("shenma", {"duration": "25"}, "seconds must be one of 10, 15"),
        ("shenma", {"aspect_ratio": "1:1"}, "aspect_ratio must be one of 16:9, 9:16"),
        ("shenma", {"hd": True}, "不支持 1024x1792"),
        ("shenma", {"hd": "yes"}, "hd must be a boolean"),
        ("shenma", {"images": "https://a/b.png"}, "images must be a list"),
        ("shenma", {"images": ["file:///etc/passwd"]}, "images must be URLs"),
    ],
)
async def test_a_relay_refuses_in_its_own_words(open_for, dialect, changes, words):
    buyer = await open_for(dialect)
    heard = await buyer.create(buyer.order(**changes))
    assert heard.status == 400
    assert list(heard.document) == ["code", "message", "data"]
    assert words in heard.document["message"]
    assert buyer.sandbox.books().accepted == ()


async def test_a_relay_without_the_model_has_no_channel(relay):
    heard = await relay.create(relay.order(model="veo"))
    assert (heard.status, heard.document["error"]["code"]) == (503, "model_not_found")
    assert "模型 veo 无可用渠道" in heard.document["error"]["message"]


async def test_a_relay_knows_a_wrong_key(relay):
    heard = await relay.create(headers={"Authorization": "Bearer sk-other"})
    assert (heard.status, heard.document["error"]["type"]) == (401, "new_api_error")


async def test_an_unknown_task_is_http_400(relay):
    heard = await relay.poll("nobody")
    assert (heard.status, heard.document["code"]) == (400, "task_not_exist")


async def test_a_result_link_needs_its_signature_and_no_key(relay, clock):
    job_id = await relay.buy()
    clock.advance(LIFE_S)
    link = find_link((await relay.poll(job_id)).document)
    assert (await relay.ask("GET", link, headers={})).status == 200
    assert (await relay.ask("GET", link.partition("?")[0], headers={})).status == 403
    assert (await relay.ask("GET", link + "x", headers={})).status == 403


async def test_three_upstreams_run_in_one_process_and_share_nothing(session):
    async with Sandbox.start("openai") as one, Sandbox.start("jizhiai") as two, Sandbox.start("shenma") as three:
        buyers = [Buyer(session, sandbox) for sandbox in (one, two, three)]
        await buyers[0].buy()
        assert [len(buyer.sandbox.books().accepted) for buyer in buyers] == [1, 0, 0]
        assert len({buyer.sandbox.base_url for buyer in buyers}) == 3
