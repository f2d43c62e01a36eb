"""What each known server of the OpenAI dialect is told in its own way, and which profiles are taken from a stranger."""

from importlib.metadata import EntryPoint
from types import ModuleType, SimpleNamespace
from typing import Any

import orjson
import pytest

from providers import jizhiai, openai, registry
from providers.adapter import FormPart, HttpRequest, HttpResponse, Profile
from providers.canonical import Failure, ImageFile, ImageUrl, Reason, Size, Stage, Succeeded, VideoRequest
from providers.reading import read_poll, read_submit

LINK = ImageUrl("https://pictures.example.test/cat.png")
PICTURE = ImageFile(b"\x89PNG", "image/png", "cat.png")
TEXTS = {"prompt": "a cat", "model": "sora-2", "seconds": "8", "size": "720x1280"}


def with_image(image: ImageUrl | ImageFile) -> VideoRequest:
    return VideoRequest("a cat", "sora-2", 8, Size(720, 1280), (image,))


def form_of(**more: str) -> tuple[FormPart, ...]:
    return tuple(FormPart(name, value) for name, value in {**TEXTS, **more}.items())


def answered(status: int, document: dict[str, Any]) -> HttpResponse:
    return HttpResponse(status, {}, orjson.dumps(document))


@pytest.mark.parametrize(
    ("name", "request_sent"),
    [
        ("new-api", HttpRequest("POST", "/v1/videos", json={**TEXTS, "input_reference": LINK.url})),
        ("sglang", HttpRequest("POST", "/v1/videos", form=form_of(reference_url=LINK.url))),
        (
            "vllm-omni",
            HttpRequest("POST", "/v1/videos", form=form_of(image_reference=f'{{"image_url":"{LINK.url}"}}')),
        ),
    ],
)
def test_a_link_is_sent_where_the_server_looks_for_it(name: str, request_sent: HttpRequest) -> None:
    assert openai.PROFILES[name].adapter.submit_request(with_image(LINK), "sora-2") == request_sent


@pytest.mark.parametrize("name", ["azure", "litellm"])
def test_a_server_that_takes_bytes_only_says_so_of_a_link(name: str) -> None:
    adapter = openai.PROFILES[name].adapter
    assert "bytes" in (adapter.unsupported(with_image(LINK), "sora-2") or "")
    assert adapter.unsupported(with_image(PICTURE), "sora-2") is None


@pytest.mark.parametrize("name", openai.PROFILES)
def test_every_server_takes_an_image_as_a_file_of_a_form(name: str) -> None:
    request = openai.PROFILES[name].adapter.submit_request(with_image(PICTURE), "sora-2")
    assert request == openai.submit_request(with_image(PICTURE), "sora-2")
    assert request.form[-1] == FormPart("input_reference", b"\x89PNG", "cat.png", "image/png")


@pytest.mark.parametrize("name", openai.PROFILES)
def test_a_thumbnail_is_asked_for_only_where_there_are_any(name: str) -> None:
    request = openai.PROFILES[name].adapter.content_request("video_1", Succeeded(), "thumbnail")
    assert (request is not None) == (name in {"azure", "video-router"})


def test_azure_is_told_the_key_in_a_header_of_its_own_and_the_version_of_its_interface() -> None:
    azure = openai.PROFILES["azure"]
    assert (azure.auth_header, azure.auth_prefix, dict(azure.query)) == ("api-key", "", {"api-version": "preview"})
    assert all(
        (each.auth_header, each.auth_prefix, each.query) == ("Authorization", "Bearer ", {})
        for name, each in openai.PROFILES.items()
        if name != "azure"
    )


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (
            {"error": {"code": "DeploymentNotFound", "message": "The API deployment does not exist."}},
            "The API deployment does not exist. (check `upstream_model`: on Azure it is the name of your deployment)",
        ),
        (
            {"error": {"code": "404", "message": "Resource not found"}},
            "Resource not found (check base_url, which on Azure ends in /openai, and the api-version in `query`)",
        ),
    ],
)
def test_azure_says_what_was_not_found(document: dict[str, Any], message: str) -> None:
    failure = read_submit(openai.PROFILES["azure"].adapter, answered(404, document))
    assert isinstance(failure, Failure)
    assert (failure.reason, failure.message) == (Reason.INVALID, message)


@pytest.mark.parametrize(("status", "reason"), [(400, Reason.INVALID), (422, Reason.INVALID), (500, Reason.INTERNAL)])
def test_vllm_omni_blames_the_request_by_the_code_of_a_failed_job(status: int, reason: Reason) -> None:
    job = {"id": "video_gen_1", "object": "video", "status": "failed", "error": {"code": status, "message": "no"}}
    failure = read_poll(openai.PROFILES["vllm-omni"].adapter, answered(status, job))
    assert isinstance(failure, Failure)
    assert (failure.stage, failure.reason) == (Stage.GENERATE, reason)


def test_the_words_of_a_refusal_outrank_the_code_of_a_failed_job() -> None:
    error = {"code": 400, "message": "Your prompt violates our content policy"}
    job = {"id": "video_gen_1", "object": "video", "status": "failed", "error": error}
    failure = read_poll(openai.PROFILES["vllm-omni"].adapter, answered(400, job))
    assert isinstance(failure, Failure)
    assert failure.reason is Reason.REFUSED


def a_dialect(profiles: object) -> ModuleType:
    module = ModuleType("mine")
    vars(module).update({name: getattr(jizhiai, name) for name in registry.FUNCTIONS}, PROFILES=profiles)
    return module


def test_a_dialect_without_profiles_has_none() -> None:
    assert registry.profiles(jizhiai) == {}


def test_a_stranger_may_bring_profiles() -> None:
    profile = Profile(openai.PLAIN, auth_header="X-Key")
    assert registry.profiles(a_dialect({"my-server-2": profile})) == {"my-server-2": profile}


@pytest.mark.parametrize(
    ("profiles", "message"),
    [
        (["azure"], "PROFILES must map names to providers.adapter.Profile"),
        ({"My Server": Profile(openai.PLAIN)}, "profile 'My Server' must be named with lower-case letters"),
        ({7: Profile(openai.PLAIN)}, "profile 7 must be named with lower-case letters"),
        ({"mine": openai.PLAIN}, "profile 'mine' must be a providers.adapter.Profile"),
        ({"mine": Profile(SimpleNamespace(unsupported=print))}, "profile 'mine' lacks submit_request, read_submit"),
    ],
)
def test_a_broken_profile_is_named_with_its_dialect(
    profiles: object, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    point = EntryPoint("mine", "somebody.elses", registry.GROUP)
    monkeypatch.setattr(EntryPoint, "load", lambda _: a_dialect(profiles))
    with pytest.raises(registry.DialectError, match=rf"^dialect 'mine' from somebody\.elses: {message}"):
        registry.load(point)
