"""What every registered adapter must do, whoever wrote it: the certification's checks, and each recorded answer."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.adapter import Adapter, HttpRequest
from providers.canonical import ImageFile, ImageUrl, Size, VideoRequest
from providers.certification import CHECKS, Check, Exchange, Subject, subjects
from providers.registry import BUILT_IN, dialects

# Without the many bodies of the fuzz, which has its own tests.
SUBJECTS = [replace(subject, bodies=200) for name in dialects() for subject in subjects(name)]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name.replace(" ", "_"))
@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.name)
def test_a_dialect_and_its_profiles_hold_the_contract(subject: Subject, check: Check) -> None:
    result = check.run(subject)
    assert result.cases
    assert list(result.violations) == []


def recorded() -> list[Any]:
    """Each exchange once, with the adapter that must read it."""
    return [
        pytest.param(subject.adapter, item, id=f"{subject.name}/{item.name}")
        for subject in SUBJECTS
        for item in subject.exchanges
        if subject.name in BUILT_IN or item.profile is not None
    ]


@pytest.mark.parametrize(("adapter", "exchange"), recorded())
def test_a_recorded_exchange_reads_as_expected(adapter: Adapter, exchange: Exchange) -> None:
    assert exchange.differences(exchange.read_by(adapter)) == []


SIZES = "720x1280 1280x720 1024x1792 1792x1024 1080x1920 1920x1080 640x640 480x832"
links = st.builds(lambda path: f"https://pictures.example.test/{path}", st.text("abc123/", max_size=20))
files = st.builds(
    ImageFile, st.binary(min_size=1, max_size=50), st.sampled_from(["image/png", "image/jpeg", "image/webp"])
)
videos = st.builds(
    VideoRequest,
    prompt=st.text(min_size=1, max_size=200),
    model=st.just("sora-2"),
    seconds=st.integers(1, 60),
    size=st.sampled_from([Size.parse(text) for text in SIZES.split()]),
    images=st.lists(links.map(ImageUrl) | files, max_size=3).map(tuple),
    watermark=st.sampled_from([None, True, False]),
)


def values_sent(request: HttpRequest) -> dict[str, Any]:
    """A request's fields by name, whichever way they are encoded."""
    return dict(request.json) if request.json is not None else {part.name: part.value for part in request.form}


def shape_sent(values: dict[str, Any]) -> tuple[str, bool]:
    """The orientation and whether high resolution was asked for, in the words of any built-in dialect."""
    if "aspect_ratio" in values:
        return {"9:16": "portrait", "16:9": "landscape"}[values["aspect_ratio"]], values["hd"]
    if "orientation" in values:
        return values["orientation"], {"small": False, "large": True}[values["size"]]
    size = Size.parse(values["size"])
    return size.orientation, min(size.width, size.height) > 720


@given(st.sampled_from(sorted(BUILT_IN)), videos, st.text("abcdef-2", min_size=1, max_size=20))
def test_a_built_in_dialect_says_each_field_by_its_own_name(name: str, video: VideoRequest, model: str) -> None:
    adapter = BUILT_IN[name]
    if adapter.unsupported(video, model) is not None:
        return
    values = values_sent(adapter.submit_request(video, model))
    assert (values["prompt"], values["model"]) == (video.prompt, model)
    assert int(values["seconds"] if "seconds" in values else values["duration"]) == video.seconds
    assert shape_sent(values) == (video.size.orientation, min(video.size.width, video.size.height) > 720)
    if video.watermark is False:
        assert values["watermark"] is False
