"""What some dialects can do beyond the six functions: list jobs, carry a reference, cancel."""

from dataclasses import fields
from types import ModuleType, SimpleNamespace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers import jizhiai, openai, shenma
from providers.adapter import FormPart, HttpRequest, HttpResponse
from providers.canonical import Failure, ImageUrl, ListedJob, ListedPage, Reason, Size, Stage, VideoRequest
from providers.capabilities import Lookup, cancel_of, hooked_create_of, lookup_of, reference_of, webhook_of
from providers.plausibility import JOBS_OF_A_PAGE
from providers.reading import read_lookup

VIDEO = VideoRequest("a cat", "sora-2", 8, Size(720, 1280))
ADAPTERS: dict[str, object] = {
    "openai": openai,
    **{name: profile.adapter for name, profile in openai.PROFILES.items()},
    "jizhiai": jizhiai,
    "shenma": shenma,
}
ROUTER = openai.PROFILES["video-router"].adapter


def answered(document: Any, status: int = 200) -> HttpResponse:
    return HttpResponse(status, {}, document if isinstance(document, bytes) else orjson.dumps(document))


def page_of(document: Any, status: int = 200, adapter: Lookup = openai) -> ListedPage | Failure:
    return read_lookup(adapter, answered(document, status))


def listed(**more: Any) -> ListedJob:
    reading = page_of({"object": "list", "data": [{"id": "video_1", **more}], "has_more": False})
    assert isinstance(reading, ListedPage)
    return reading.jobs[0]


@pytest.mark.parametrize(
    ("find", "names"),
    [
        (lookup_of, {"openai", "azure", "sglang", "vllm-omni", "video-router"}),
        (cancel_of, {"vllm-omni", "video-router"}),
        (reference_of, {"video-router"}),
        (webhook_of, {"openai", "shenma"}),
        (hooked_create_of, {"shenma"}),
    ],
)
def test_a_capability_is_found_on_modules_and_on_objects(find: Any, names: set[str]) -> None:
    assert {name for name, adapter in ADAPTERS.items() if find(adapter) is not None} == names


def test_half_a_capability_is_none() -> None:
    assert lookup_of(SimpleNamespace(lookup_request=print)) is None
    assert lookup_of(SimpleNamespace(lookup_request=print, read_lookup="no function")) is None
    module = ModuleType("mine")
    vars(module).update(lookup_request=openai.lookup_request, read_lookup=openai.read_lookup)
    assert lookup_of(module) is module


def test_the_newest_are_asked_for_first_and_then_those_behind_the_last() -> None:
    first, second = openai.lookup_request(None), openai.lookup_request("a/b?c")
    assert (first.method, first.path, first.query) == ("GET", "/v1/videos", {"limit": "100", "order": "desc"})
    assert second.query == {"limit": "100", "order": "desc", "after": "a/b?c"}


def test_a_job_tells_what_it_tells() -> None:
    document = {"created_at": 1_790_000_000, "model": "sora-2", "seconds": "8", "size": "720x1280", "prompt": "a cat"}
    assert listed(**document) == ListedJob("video_1", 1_790_000_000.0, "sora-2", 8, Size(720, 1280), "a cat")
    assert listed(prompt=None, seconds=None, metadata={"attempt": "video_2-1"}) == ListedJob("video_1")


@pytest.mark.parametrize("told", [1_790_000_000, "1790000000", 1_790_000_000_000, "2026-09-21T14:13:20Z"])
@pytest.mark.parametrize("name", ["created_at", "created"])
def test_a_moment_is_read_in_every_spelling(name: str, told: object) -> None:
    assert listed(**{name: told}).created_at == 1_790_000_000.0


@pytest.mark.parametrize(
    ("told", "seconds"), [("8", 8), (8, 8), (8.0, 8), ("8s", 8), ("8.04", None), (0, None), (True, None), ([8], None)]
)
def test_a_length_that_is_not_whole_is_not_told(told: object, seconds: int | None) -> None:
    assert listed(seconds=told).seconds == seconds


@pytest.mark.parametrize(
    ("told", "size"), [("720x1280", Size(720, 1280)), ("720*1280", Size(720, 1280)), ("small", None), (7, None)]
)
def test_a_size_that_is_none_is_not_told(told: object, size: Size | None) -> None:
    assert listed(size=told).size == size


def test_what_is_no_job_is_passed_over() -> None:
    page = page_of({"data": [7, None, {"id": ""}, {"model": "sora-2"}, {"id": "video_1"}], "has_more": False})
    assert page == ListedPage((ListedJob("video_1"),), whole=False)


@pytest.mark.parametrize(
    ("document", "cursor"),
    [
        ({"data": [{"id": "a"}, {"id": "b"}], "has_more": True, "last_id": "b"}, "b"),
        ({"data": [{"id": "a"}], "has_more": False, "last_id": "a"}, None),
        ({"data": [{"id": "a"}]}, "a"),
        ({"data": []}, None),
        ({"data": [], "has_more": True, "last_id": "z"}, "z"),
        ({"data": [{"id": f"video_{n}"} for n in range(150)], "has_more": False}, "video_99"),
    ],
)
def test_paging_goes_on_until_nothing_can_follow(document: dict[str, Any], cursor: str | None) -> None:
    page = page_of(document)
    assert isinstance(page, ListedPage)
    assert page.cursor == cursor
    assert len(page.jobs) <= JOBS_OF_A_PAGE


@pytest.mark.parametrize(
    ("status", "document"),
    [
        (200, {}),
        (200, {"data": None}),
        (200, {"data": {"id": "a"}}),
        (200, {"data": [], "has_more": True}),
        (200, {"data": [{"no": "id"}, 7]}),
        (200, {"data": [], "error": {"message": "try again"}}),
        (200, []),
        (200, b"<html></html>"),
        (200, b'{"object":"list","data":[{"id":"a"'),
        (204, b""),
        (404, {"error": {"message": "Invalid URL (GET /v1/videos)"}}),
        (405, {"detail": "Method Not Allowed"}),
        (500, {"data": []}),
        (302, {"data": []}),
    ],
)
def test_what_cannot_be_read_is_a_failure_and_never_an_empty_list(status: int, document: Any) -> None:
    reading = page_of(document, status)
    assert isinstance(reading, Failure)
    assert reading.stage is Stage.POLL


def test_a_rate_limit_says_how_long_to_wait() -> None:
    response = HttpResponse(429, {"retry-after": "7"}, b'{"error":{"message":"Rate limit reached"}}')
    reading = read_lookup(openai, response)
    assert isinstance(reading, Failure)
    assert (reading.reason, reading.retry_after_s) == (Reason.RATE_LIMITED, 7.0)


class Stranger:
    def __init__(self, reading: Any) -> None:
        self.reading = reading

    def lookup_request(self, cursor: str | None) -> HttpRequest:
        return HttpRequest("GET", "/jobs")

    def read_lookup(self, response: HttpResponse) -> Any:
        if isinstance(self.reading, BaseException):
            raise self.reading
        return self.reading


@pytest.mark.parametrize(
    "reading",
    [
        RuntimeError("a bug"),
        None,
        [],
        ListedPage(None),  # type: ignore[arg-type]
        ListedPage((), "two words"),
        ListedPage((), ["next"]),  # type: ignore[arg-type]
        ListedPage(({"id": "a"},)),  # type: ignore[arg-type]
        Failure(Stage.GENERATE, Reason.INTERNAL),
        Failure(Stage.POLL, Reason.REFUSED),
    ],
)
def test_a_strangers_reading_that_makes_no_sense_is_a_failed_poll(reading: Any) -> None:
    failure = page_of({}, adapter=Stranger(reading))
    assert isinstance(failure, Failure)
    assert (failure.stage, failure.reason) == (Stage.POLL, Reason.UNREADABLE)


def test_a_strangers_values_are_clamped() -> None:
    told: Any = ListedJob("a", float("nan"), "", -1, "720x1280", 7, "two words")  # type: ignore[arg-type]
    assert page_of({}, adapter=Stranger(ListedPage((told,)))) == ListedPage((ListedJob("a"),))
    many = ListedPage(tuple(ListedJob(f"job_{n}") for n in range(1_000)))
    reading = page_of({}, adapter=Stranger(many))
    assert isinstance(reading, ListedPage)
    assert (len(reading.jobs), reading.cursor, reading.whole) == (JOBS_OF_A_PAGE, "job_99", True)


def test_a_page_of_a_status_that_is_no_success_is_none() -> None:
    assert isinstance(page_of({}, 500, Stranger(ListedPage(()))), Failure)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats() | st.text(max_size=8) | st.just("video_1"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*"ab", "id", "data"]), inner),
    max_leaves=12,
)


@given(st.sampled_from(["openai", "video-router"]), st.fixed_dictionaries({"data": JSON}, optional={"has_more": JSON}))
def test_whatever_a_list_holds_is_read(name: str, document: dict[str, Any]) -> None:
    adapter = lookup_of(ADAPTERS[name])
    assert adapter is not None
    reading = page_of(document, adapter=adapter)
    if isinstance(reading, ListedPage):
        assert isinstance(document["data"], list | dict)
        assert all(job.remote_id for job in reading.jobs)


def test_a_reference_goes_into_the_metadata_and_names_a_create_sent_twice() -> None:
    keeper = reference_of(ROUTER)
    assert keeper is not None
    plain = ROUTER.submit_request(VIDEO, "sora-2")
    request = keeper.referenced(plain, "video_7-2")
    assert request.form == (*plain.form, FormPart("metadata[attempt]", "video_7-2"))
    assert request.headers == {"Idempotency-Key": "video_7-2"}
    linked = ROUTER.submit_request(VideoRequest("a cat", "m", 8, VIDEO.size, (ImageUrl("https://x.test/a"),)), "m")
    request = keeper.referenced(linked, "video_7-2")
    assert request.json == {**(linked.json or {}), "metadata": {"attempt": "video_7-2"}}


def test_only_another_router_is_believed_to_repeat_a_reference() -> None:
    document = {"data": [{"id": "video_1", "metadata": {"attempt": "video_7-2"}}], "has_more": False}
    for name, adapter in ADAPTERS.items():
        if (lister := lookup_of(adapter)) is not None:
            page = page_of(document, adapter=lister)
            assert isinstance(page, ListedPage)
            assert page.jobs[0].reference == ("video_7-2" if name == "video-router" else None)


def test_a_running_job_is_deleted_where_that_ends_it() -> None:
    for name in ("vllm-omni", "video-router"):
        canceller = cancel_of(ADAPTERS[name])
        assert canceller is not None
        assert canceller.cancel_request("a/b") == HttpRequest("DELETE", "/v1/videos/a%2Fb")


def test_a_listed_job_shows_no_prompt_in_its_repr() -> None:
    assert "a cat" not in repr(listed(prompt="a cat"))
    assert [field.name for field in fields(ListedJob) if not field.repr] == ["prompt"]
