"""Webhooks as the dialects read them: which job to poll now, and nothing else."""

from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers import openai, shenma
from providers.canonical import Size, VideoRequest
from providers.capabilities import Webhook
from providers.webhooks import read_webhook

VIDEO = VideoRequest("a cat", "sora-2", 10, Size(720, 1280))
URL = "https://router.example.com/hooks/relay/a-token"


def named(adapter: Webhook, document: Any) -> str | None:
    return read_webhook(adapter, {}, document if isinstance(document, bytes) else orjson.dumps(document))


@pytest.mark.parametrize("status", ["SUCCESS", "FAILURE", "FAIL", "completed", "a word nobody knows"])
def test_a_task_that_may_have_ended_is_polled(status: str) -> None:
    assert named(shenma, {"task_id": "sora-2:task_1", "status": status, "data": None}) == "sora-2:task_1"
    inside = {"code": "success", "data": {"task_id": "sora-2:task_1", "status": status}}
    assert named(shenma, inside) == "sora-2:task_1"


@pytest.mark.parametrize("status", ["NOT_START", "SUBMITTED", "QUEUED", "IN_PROGRESS", "UNKNOWN"])
def test_a_task_that_goes_on_is_not_worth_a_poll_unless_its_video_is_there(status: str) -> None:
    task = {"task_id": "t", "status": status, "progress": "97%"}
    assert named(shenma, task) is None
    assert named(shenma, {**task, "data": {"output": "https://cdn.example.com/v.mp4"}}) == "t"


def test_events_of_videos_name_theirs_and_other_events_none() -> None:
    event = {"id": "evt_1", "object": "event", "data": {"id": "video_1"}}
    assert named(openai, {**event, "type": "video.completed"}) == "video_1"
    assert named(openai, {**event, "type": "video.failed"}) == "video_1"
    for other in ({**event, "type": "response.completed"}, {**event, "type": 7}, event, {"type": "video.failed"}):
        assert named(openai, other) is None


def test_the_address_is_added_to_a_create_and_nothing_is_lost() -> None:
    plain = shenma.submit_request(VIDEO, "sora-2")
    with_address = shenma.hooked(plain, URL)
    assert with_address.json == {**(plain.json or {}), "notify_hook": URL}
    assert URL not in repr(with_address)
    assert "notify_hook" not in (plain.json or {})


@given(st.binary(max_size=200) | st.dictionaries(st.text(), st.text() | st.none() | st.floats()).map(orjson.dumps))
def test_whatever_is_sent_names_an_id_or_none(body: bytes) -> None:
    for adapter in (openai, shenma):
        assert isinstance(read_webhook(adapter, {}, body), str | None)


def test_what_a_strangers_reader_raises_or_returns_names_no_job() -> None:
    def broken(headers: Any, body: bytes) -> str:
        raise RuntimeError("a bug")

    assert named(SimpleNamespace(read_webhook=broken), {}) is None
    for returned in (b"video_1", ["video_1"], "..", "a b", "", 0):
        assert named(SimpleNamespace(read_webhook=lambda headers, body, x=returned: x), {}) is None
