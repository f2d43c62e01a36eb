"""What each built-in dialect puts on the wire, and how dialects are found."""

from importlib.metadata import EntryPoint
from typing import Any

import pytest

from providers import jizhiai, openai, registry, shenma
from providers.adapter import FormPart, HttpRequest
from providers.canonical import Image, ImageFile, ImageUrl, Size, Succeeded, VideoRequest

PICTURE = ImageFile(b"\x89PNG", "image/png", "cat.png")
LINK = ImageUrl("https://pictures.example.test/cat.png")


def asked(size: str = "720x1280", seconds: int = 10, images: tuple[Image, ...] = (), **more: Any) -> VideoRequest:
    return VideoRequest("a cat", "sora-2", seconds, Size.parse(size), images, **more)


def test_openai_sends_multipart_with_the_image_as_a_file() -> None:
    assert openai.submit_request(asked(images=(PICTURE,), seconds=8), "sora-2-pro") == HttpRequest(
        "POST",
        "/v1/videos",
        form=(
            FormPart("prompt", "a cat"),
            FormPart("model", "sora-2-pro"),
            FormPart("seconds", "8"),
            FormPart("size", "720x1280"),
            FormPart("input_reference", b"\x89PNG", "cat.png", "image/png"),
        ),
    )


def test_openai_sends_json_when_the_upstream_shall_fetch_the_image() -> None:
    request = openai.submit_request(asked(images=(LINK,)), "sora-2")
    assert request.form == ()
    assert request.json == {
        "prompt": "a cat",
        "model": "sora-2",
        "seconds": "10",
        "size": "720x1280",
        "input_reference": {"image_url": LINK.url},
    }


def test_openai_cannot_promise_no_watermark_or_take_two_images() -> None:
    assert "watermark" in (openai.unsupported(asked(watermark=False), "sora-2") or "")
    assert "one input image" in (openai.unsupported(asked(images=(LINK, PICTURE)), "sora-2") or "")
    assert openai.unsupported(asked("1920x1080", watermark=True), "sora-2") is None


def test_openai_fetches_bytes_from_the_content_endpoint_without_naming_the_video_variant() -> None:
    assert openai.content_request("a:b/c=", Succeeded()) == HttpRequest("GET", "/v1/videos/a%3Ab%2Fc%3D/content")
    thumbnail = openai.content_request("video_1", Succeeded("https://cdn.example.test/v.mp4"), "thumbnail")
    assert thumbnail == HttpRequest("GET", "/v1/videos/video_1/content", query={"variant": "thumbnail"})


def test_jizhiai_says_orientation_class_and_always_images() -> None:
    request = jizhiai.submit_request(asked("1792x1024", 15, watermark=False), "sora-2-pro")
    assert (request.path, request.json) == (
        "/v1/video/create",
        {
            "model": "sora-2-pro",
            "prompt": "a cat",
            "images": [],
            "orientation": "landscape",
            "size": "large",
            "duration": 15,
            "watermark": False,
        },
    )
    assert jizhiai.poll_request("sora-2:task_1").query == {"id": "sora-2:task_1"}


def test_shenma_says_seconds_as_text_and_sends_files_as_data_urls() -> None:
    request = shenma.submit_request(asked("1024x1792", 15, (LINK, PICTURE)), "sora-2-pro")
    assert (request.path, request.json) == (
        "/v2/videos/generations",
        {
            "model": "sora-2-pro",
            "prompt": "a cat",
            "aspect_ratio": "9:16",
            "duration": "15",
            "hd": True,
            "images": [LINK.url, "data:image/png;base64,iVBORw=="],
        },
    )
    assert shenma.poll_request("veo3:1/2").path == "/v2/videos/generations/veo3%3A1%2F2"


@pytest.mark.parametrize("size", ["1920x1080", "640x640", "1080x1920", "721x1280"])
def test_a_size_that_words_cannot_say_exactly_is_unsupported_and_names_what_can_be_said(size: str) -> None:
    for adapter in (jizhiai, shenma):
        why = adapter.unsupported(asked(size), "sora-2-pro") or ""
        assert size in why
        assert "720x1280, 1280x720, 1024x1792, 1792x1024" in why


def test_shenma_does_not_promise_high_resolution_at_25_seconds() -> None:
    assert "25 s" in (shenma.unsupported(asked("1024x1792", 25), "sora-2-pro") or "")
    assert shenma.unsupported(asked("720x1280", 25), "sora-2-pro") is None


def test_the_three_dialects_are_registered_and_an_unknown_one_is_named_with_the_known() -> None:
    assert set(registry.dialects()) >= {"openai", "jizhiai", "shenma"}
    assert registry.dialect("shenma") is shenma
    with pytest.raises(registry.DialectError, match=r"unknown dialect 'sora'; known: .*jizhiai.*openai"):
        registry.dialect("sora")


def entry_points_of(*points: tuple[str, str]) -> Any:
    return lambda group: [EntryPoint(name, value, group) for name, value in points]


@pytest.fixture
def fresh_registry() -> Any:
    registry.dialects.cache_clear()
    yield registry
    registry.dialects.cache_clear()


def test_a_strangers_dialect_is_found_through_its_entry_point(fresh_registry: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(registry, "entry_points", entry_points_of(("mine", "providers.openai")))
    assert registry.dialect("mine") is openai


@pytest.mark.parametrize(
    ("point", "message"),
    [
        (("openai", "somebody.elses"), "two dialects are called 'openai': providers.openai and somebody.elses"),
        (("mine", "no_such_module"), "dialect 'mine' cannot be imported from no_such_module"),
        (("mine", "providers.canonical"), "dialect 'mine' from providers.canonical lacks unsupported"),
    ],
)
def test_a_broken_dialect_is_named(fresh_registry: Any, monkeypatch: Any, point: tuple[str, str], message: str) -> None:
    monkeypatch.setattr(registry, "entry_points", entry_points_of(point))
    with pytest.raises(registry.DialectError, match=message):
        registry.dialects()
