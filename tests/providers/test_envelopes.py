"""Jobs inside envelopes, and what stands beside them: which of several words, links and ids speaks."""

from typing import Any

import orjson
import pytest

from providers import openai
from providers.adapter import HttpResponse
from providers.canonical import Accepted, Failure, Reason, Running, Stage, Succeeded
from providers.reading import read_poll, read_submit

LINK = "https://cdn.example.test/v.mp4"
BALANCE = {"error": {"code": "insufficient_user_quota", "message": "Insufficient balance"}}


def polled(body: dict[str, Any], status: int = 200) -> Running | Succeeded | Failure:
    return read_poll(openai, HttpResponse(status, {}, orjson.dumps(body)))


def created(body: dict[str, Any], status: int = 500) -> Accepted | Failure:
    return read_submit(openai, HttpResponse(status, {}, orjson.dumps(body)))


@pytest.mark.parametrize("name", ["data", "result", "output"])
@pytest.mark.parametrize("field", ["status", "task_status", "taskStatus", "state"])
def test_what_is_done_outside_is_not_done_while_the_job_inside_runs(name: str, field: str) -> None:
    reading = polled({"id": "req", "status": "success", name: {"id": "a", field: "running", "url": LINK}})
    assert isinstance(reading, Running)


@pytest.mark.parametrize("name", ["data", "result", "output"])
def test_a_job_that_failed_inside_an_envelope_of_success_has_failed(name: str) -> None:
    reading = polled({"status": "success", name: {"task_id": "a", "status": "failed", "url": LINK}})
    assert isinstance(reading, Failure)
    assert (reading.stage, reading.reason) == (Stage.GENERATE, Reason.INTERNAL)


def test_an_envelope_of_success_around_a_job_that_says_only_how_far_it_is_is_no_end() -> None:
    assert polled({"status": "success", "data": {"task_id": "a", "progress": 30}}) == Running(False, 30)
    done = polled({"status": "success", "data": {"task_id": "a", "progress": 30, "video_url": LINK}})
    assert done == Succeeded(LINK)


def test_a_done_job_around_its_upstreams_done_answer_keeps_its_own_link() -> None:
    inner = {"id": "b", "status": "completed"}
    data = {"task_id": "a", "status": "SUCCESS", "fail_reason": LINK, "data": inner}
    assert polled({"code": "success", "data": data}) == Succeeded(LINK)


@pytest.mark.parametrize(
    "beside",
    [
        {"title": "A violent storm"},
        {"description": "a deepfake of a celebrity"},
        {"description": "敏感的女孩"},
        {"details": "prompt: a celebrity walks"},
        {"message": "Content policy check passed"},
        {"message": "审核通过, 无违规"},
        {"nsfw": True},
        {"moderation": True},
    ],
)
def test_a_finished_video_is_not_refused_for_what_stands_beside_it(beside: dict[str, Any]) -> None:
    assert polled({"id": "v", "object": "video", "status": "completed", **beside}) == Succeeded(None)


@pytest.mark.parametrize(
    "beside",
    [
        {"error": {"code": "moderation_blocked", "message": "Your request was blocked by our moderation system."}},
        {"fail_reason": "内容审核未通过"},
        {"moderation": "blocked"},
        {"moderation": {"flagged": True}},
        {"respect_moderation": False},
    ],
)
def test_a_finished_video_that_a_review_keeps_back_is_refused(beside: dict[str, Any]) -> None:
    reading = polled({"id": "v", "object": "video", "status": "completed", **beside})
    assert isinstance(reading, Failure)
    assert (reading.stage, reading.reason) == (Stage.OUTPUT_REVIEW, Reason.REFUSED)


@pytest.mark.parametrize("status", [200, 402, 500])
@pytest.mark.parametrize(
    "job",
    [
        {"task": {"id": "t", "status": "queued"}},
        {"data": [{"id": "t", "status": "queued"}]},
        {"data": {"job": {"id": "t", "state": "pending"}}},
        {"success": True, "data": {"id": "t", "state": "pending"}},
        {"data": {"id": "t", "object": "video"}},
    ],
)
def test_a_job_beside_a_complaint_may_exist(job: dict[str, Any], status: int) -> None:
    reading = created({**BALANCE, **job}, status)
    assert isinstance(reading, Accepted) or reading.reason is Reason.AMBIGUOUS


@pytest.mark.parametrize(
    "job",
    [
        {"data": '{"task_id": "t"}'},
        {"data": "task_123"},
        {"taskUuid": "7f9c"},
        {"task_no": "8831"},
        {"polling_url": "https://relay.example.test/tasks/8831"},
        {"data": {"videoId": "v1"}},
        {"id": "video_1", "object": "video"},
    ],
)
def test_a_5xx_that_names_a_job_in_any_way_may_hide_one(job: dict[str, Any]) -> None:
    reading = created({**BALANCE, **job}, 500)
    assert isinstance(reading, Failure)
    assert reading.reason is Reason.AMBIGUOUS


@pytest.mark.parametrize("job", [{}, {"data": None}, {"task_id": ""}, {"task_id": None}, {"data": "nothing"}])
def test_a_refusal_that_names_no_job_is_one(job: dict[str, Any]) -> None:
    reading = created({**BALANCE, **job}, 402)
    assert isinstance(reading, Failure)
    assert reading.reason is Reason.BALANCE


@pytest.mark.parametrize("none", ["null", "None", "undefined", "-1", "0"])
def test_a_word_for_no_id_is_no_id(none: str) -> None:
    assert not isinstance(created({"id": none, "status": "queued"}, 200), Accepted)


def test_the_id_of_a_request_that_says_it_failed_is_no_job() -> None:
    assert isinstance(created({"request_id": "r"}, 200), Accepted)
    assert isinstance(created({"request_id": "r", "success": False}, 200), Failure)


@pytest.mark.parametrize("word", ["rejected", "blocked", "timed_out", "TERMINATED", "失败"])
def test_an_end_by_another_word_is_an_end(word: str) -> None:
    reading = polled({"id": "a", "status": word, "created_at": 1, "error": {"message": "generation failed"}})
    assert isinstance(reading, Failure)
    assert reading.stage is Stage.GENERATE


def test_chinese_status_words_are_known() -> None:
    assert polled({"id": "a", "status": "生成中"}) == Running(queued=False)
    assert polled({"id": "a", "status": "成功", "video_url": LINK}) == Succeeded(LINK)


@pytest.mark.parametrize("word", ["upscaling", "preview_ready", "video_upsampling"])
def test_a_link_beside_a_preview_is_not_the_video(word: str) -> None:
    reading = polled({"id": "a", "status": word, "video_url": LINK})
    assert isinstance(reading, Running)
    assert reading.url is None


def test_of_several_links_the_one_that_ends_like_a_video_is_taken() -> None:
    cover = "https://cdn.example.test/cover.png"
    assert polled({"id": "a", "status": "completed", "url": cover, "output": LINK}) == Succeeded(LINK)
    assert polled({"id": "a", "status": "completed", "url": cover}) == Succeeded(cover)
    assert polled({"id": "a", "status": "completed", "video": {"url": LINK}}) == Succeeded(LINK)


def test_an_error_that_names_no_video_ends_none() -> None:
    reading = polled({"object": "video", "status": "error", "message": "db down"}, 500)
    assert isinstance(reading, Failure)
    assert reading.stage is Stage.POLL


def test_a_lifetime_is_no_moment() -> None:
    assert polled({"id": "a", "status": "completed", "url": LINK, "expires_at": 3600}) == Succeeded(LINK)
