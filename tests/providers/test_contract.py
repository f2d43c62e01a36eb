"""What every registered adapter must do, whoever wrote it."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.adapter import Adapter, HttpRequest, HttpResponse
from providers.canonical import (
    Accepted,
    Failure,
    ImageFile,
    ImageUrl,
    Reason,
    Running,
    Size,
    Stage,
    Succeeded,
    VideoRequest,
)
from providers.reading import read_poll, read_submit
from providers.registry import dialects, profiles

EXCHANGES = Path(__file__).parent.parent / "exchanges"
DIALECTS = dialects()
# A profile is an adapter of its own, here under DIALECT/PROFILE.
ADAPTERS = {
    **DIALECTS,
    **{f"{name}/{each}": known.adapter for name in DIALECTS for each, known in profiles(DIALECTS[name]).items()},
}
SUCCESSES = (200, 201, 202, 204, 206, 299)
ERRORS = (400, 401, 402, 403, 404, 405, 408, 409, 410, 413, 415, 418, 422, 425, 429, 431, 451, 499)
BREAKDOWNS = (500, 501, 502, 503, 504, 507, 520, 522, 524, 529, 599)
STATUSES = (100, 101, *SUCCESSES, 301, 302, 304, 307, *ERRORS, *BREAKDOWNS)
HOSTILE_BODIES: tuple[bytes, ...] = (
    b"",
    b" ",
    b"\x00\xff\xfe",
    b"null",
    b"true",
    b"0",
    b'"completed"',
    b"[]",
    b'[{"id":"video_1","status":"completed"}]',
    b"{}",
    b'{"id":null,"status":null}',
    b'{"id":{},"task_id":[],"status":{},"data":"x","error":7}',
    b'{"id":"","status":"completed"}',
    b'{"id":"..","status":"completed","url":"javascript:alert(1)"}',
    b'{"id":"a b","status":"SUCCESS","fail_reason":"ftp://host/v.mp4"}',
    b'{"status":"success"}',
    b'{"status":"completed","url":"http://"}',
    b'{"status":"completed","url":"http://[::1"}',
    b'{"status":"completed","video_url":["https://host/v.mp4"]}',
    b'{"status":200,"data":[1,2,3],"detail":[[[[]]]]}',
    b'{"status":true,"progress":true,"id":false}',
    b'{"progress":1e308,"status":"weird"}',
    b'{"error":"{\\"error\\":\\"{\\\\\\"error\\\\\\":1}\\"}"}',
    b'{"data":{"data":{"data":{"data":{}}}}}',
    b'{"id":"video_1"',
    b"<html><body>502 Bad Gateway</body></html>",
    b"<!doctype html><title>video_123 completed https://host/v.mp4</title>",
    b"data: {\"id\":\"video_1\"}\n\n",
    b"[" * 5_000,
    b'{"a":' * 5_000,
    b'{"id":"' + b"x" * 100_000 + b'"}',
)  # fmt: skip


def exchanges() -> list[Any]:
    return [
        pytest.param(path.parent.name, json.loads(path.read_text("utf-8")), id=f"{path.parent.name}/{path.stem}")
        for path in sorted(EXCHANGES.glob("*/*.json"))
    ]


def answered(response: dict[str, Any]) -> HttpResponse:
    body = response["body"]
    raw = body["text"].encode() if isinstance(body, dict) and body.keys() == {"text"} else orjson.dumps(body)
    return HttpResponse(response["status"], response["headers"], raw)


@pytest.mark.parametrize(("name", "exchange"), exchanges())
def test_a_recorded_exchange_reads_as_expected(name: str, exchange: dict[str, Any]) -> None:
    read = {"submit": read_submit, "poll": read_poll}[exchange["kind"]]
    adapter = ADAPTERS["/".join(filter(None, (name, exchange.get("profile"))))]
    reading = read(adapter, answered(exchange["response"]))
    expected = dict(exchange["expected"])
    assert (type(reading).__name__, reading) == (expected.pop("type"), reading)
    assert {key: asdict(reading)[key] for key in expected} == expected


@pytest.mark.parametrize("name", DIALECTS)
def test_a_dialect_has_recorded_exchanges_of_every_outcome(name: str) -> None:
    recorded = [json.loads(path.read_text("utf-8")) for path in (EXCHANGES / name).glob("*.json")]
    outcomes = {(item["kind"], item["expected"]["type"]) for item in recorded}
    reasons = {item["expected"].get("reason") for item in recorded if item["kind"] == "submit"}
    stages = {item["expected"].get("stage") for item in recorded}
    assert outcomes == {
        ("submit", "Accepted"),
        ("submit", "Failure"),
        ("poll", "Running"),
        ("poll", "Succeeded"),
        ("poll", "Failure"),
    }
    assert {"auth", "balance", "rate_limited", "overloaded", "invalid", "refused", "ambiguous"} <= reasons
    assert {"submit", "image_review", "prompt_review", "generate", "output_review", "poll"} <= stages
    assert all(item["source"] for item in recorded)


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("name", ADAPTERS)
def test_a_hostile_answer_never_raises_and_is_never_good_news(name: str, status: int) -> None:
    for body in HOSTILE_BODIES:
        response = HttpResponse(status, {}, body)
        submitted, polled = read_submit(ADAPTERS[name], response), read_poll(ADAPTERS[name], response)
        assert isinstance(submitted, Failure), body
        assert isinstance(polled, Running | Failure), body
        if isinstance(polled, Failure):
            assert polled.stage is Stage.POLL, body


scalars = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=20)
FIELDS = """
    id task_id data status state progress progress_pct error code message detail output outputs url video_url
    fail_reason result metadata usage cost_usd object request_id
"""
SIZES = "720x1280 1280x720 1024x1792 1792x1024 1080x1920 1920x1080 640x640 480x832"
field_names = st.sampled_from(FIELDS.split())
words = st.sampled_from(
    ["queued", "SUCCESS", "completed", "failed", "cancelled", "video", "https://cdn.example.test/v.mp4", "97%", "x"]
)
documents = st.recursive(
    scalars | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(field_names | st.text(max_size=5), inner, max_size=6),
    max_leaves=20,
)
headers = st.dictionaries(st.sampled_from(["retry-after", "retry-after-ms", "date"]), st.text(max_size=40), max_size=3)
adapters = st.sampled_from(sorted(ADAPTERS)).map(ADAPTERS.__getitem__)
bodies = documents.map(orjson.dumps) | st.binary(max_size=200)


@given(adapters, st.sampled_from(STATUSES), headers, bodies)
def test_only_a_2xx_with_an_id_or_a_url_is_good_news(
    adapter: Adapter, status: int, head: dict[str, str], body: bytes
) -> None:
    response = HttpResponse(status, head, body)
    submitted, polled = read_submit(adapter, response), read_poll(adapter, response)
    if isinstance(submitted, Accepted):
        assert 200 <= status < 300
        assert submitted.remote_id.strip(".")
    else:
        assert submitted.retry_after_s is None or 0 <= submitted.retry_after_s <= 86_400
    if isinstance(polled, Succeeded):
        assert 200 <= status < 300
        assert b"id" in body or b"url" in body or b"output" in body or b"fail_reason" in body or b"object" in body
        assert polled.url is None or polled.url.startswith(("http://", "https://"))
    if isinstance(polled, Running):
        assert 200 <= status < 300
        assert polled.progress is None or 0 <= polled.progress <= 100


@given(adapters, st.sampled_from(STATUSES), bodies)
def test_an_unprovable_submit_is_always_ambiguous(adapter: Adapter, status: int, body: bytes) -> None:
    submitted = read_submit(adapter, HttpResponse(status, {}, b"<html>" + body))
    assert isinstance(submitted, Failure)
    assert submitted.reason is (Reason.RATE_LIMITED if status == 429 else Reason.AMBIGUOUS)


links = st.builds(lambda path: f"https://pictures.example.test/{path}", st.text("abc123/", max_size=20))
files = st.builds(
    ImageFile, st.binary(min_size=1, max_size=50), st.sampled_from(["image/png", "image/jpeg", "image/webp"])
)
sizes = st.sampled_from([Size.parse(text) for text in SIZES.split()])
videos = st.builds(
    VideoRequest,
    prompt=st.text(min_size=1, max_size=200),
    model=st.just("sora-2"),
    seconds=st.integers(1, 60),
    size=sizes,
    images=st.lists(links.map(ImageUrl) | files, max_size=3).map(tuple),
    watermark=st.sampled_from([None, True, False]),
)


def values_sent(request: HttpRequest) -> dict[str, Any]:
    """A request's fields by name, whichever way they are encoded."""
    return dict(request.json) if request.json is not None else {part.name: part.value for part in request.form}


def images_sent(request: HttpRequest) -> list[Any]:
    values = values_sent(request)
    if "image_reference" in values or "reference_url" in values:
        return [
            values["reference_url"] if "reference_url" in values else json.loads(values["image_reference"])["image_url"]
        ]
    if "input_reference" not in values:
        return list(values.get("images", []))
    reference = values["input_reference"]
    return [reference["image_url"] if isinstance(reference, dict) else reference]


def shape_sent(values: dict[str, Any]) -> tuple[str, bool]:
    """The orientation and whether high resolution was asked for, in any dialect's words."""
    if "aspect_ratio" in values:
        return {"9:16": "portrait", "16:9": "landscape"}[values["aspect_ratio"]], values["hd"]
    if "orientation" in values:
        return values["orientation"], {"small": False, "large": True}[values["size"]]
    size = Size.parse(values["size"])
    return size.orientation, min(size.width, size.height) > 720


@given(adapters, videos, st.text("abcdef-2", min_size=1, max_size=20))
def test_what_is_not_unsupported_is_said_exactly_in_one_relative_request(
    adapter: Adapter, video: VideoRequest, model: str
) -> None:
    why = adapter.unsupported(video, model)
    if why is not None:
        assert len(why) > 20
        return
    request = adapter.submit_request(video, model)
    values = values_sent(request)
    assert request.method == "POST"
    assert request.path.startswith("/")
    assert not request.absolute
    assert (request.json is None) != (request.form == ())
    assert (values["prompt"], values["model"]) == (video.prompt, model)
    assert int(values["seconds"] if "seconds" in values else values["duration"]) == video.seconds
    assert shape_sent(values) == (video.size.orientation, min(video.size.width, video.size.height) > 720)
    assert len(images_sent(request)) == len(video.images)
    for image, sent in zip(video.images, images_sent(request), strict=True):
        assert sent in ([image.url] if isinstance(image, ImageUrl) else [image.data, image.data_url()])
    if video.watermark is False:
        assert values["watermark"] is False


@given(adapters, st.text("abc:/=?#& %.", min_size=1, max_size=40))
def test_a_poll_is_a_relative_get_that_keeps_the_id_whole(adapter: Adapter, remote_id: str) -> None:
    request = adapter.poll_request(remote_id)
    path_tail = request.path.removeprefix("/v1/videos/").removeprefix("/v2/videos/generations/")
    assert request.method == "GET"
    assert not request.absolute
    assert request.query.get("id") == remote_id or not set(path_tail) & set(":/?#& =")
    assert request.json is None
    assert request.form == ()


@pytest.mark.parametrize("name", ADAPTERS)
def test_a_result_link_is_fetched_without_headers(name: str) -> None:
    request = ADAPTERS[name].content_request("video_1", Succeeded("https://cdn.example.test/v.mp4?sig=1"))
    assert request == HttpRequest("GET", "https://cdn.example.test/v.mp4?sig=1")


@pytest.mark.parametrize("variant", ["thumbnail", "spritesheet"])
@pytest.mark.parametrize("name", ADAPTERS)
def test_a_variant_is_never_answered_with_the_video(name: str, variant: Any) -> None:
    request = ADAPTERS[name].content_request("video_1", Succeeded("https://cdn.example.test/v.mp4"), variant)
    assert request is None or (not request.absolute and request.query == {"variant": variant})
