"""The tolerant readers, row by row, and the one place that never raises."""

from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from providers import openai
from providers.adapter import HttpResponse
from providers.canonical import Accepted, Failure, Reason, Running, Stage, Succeeded
from providers.complaints import Complaint, complaint
from providers.fields import (
    ID_PATHS,
    STATUS_WORDS,
    URL_PATHS,
    RemoteStatus,
    as_id,
    as_url,
    cost_microusd,
    job_object,
    known_status,
    progress_percent,
    retry_after_s,
)
from providers.links import link_expires_at
from providers.places import Paths, first
from providers.reading import read_poll, read_submit
from providers.registry import BUILT_IN

LINK = "https://cdn.example.test/v.mp4"


def answer(body: object, status: int = 200, **headers: str) -> HttpResponse:
    return HttpResponse(status, {name.replace("_", "-"): value for name, value in headers.items()}, orjson.dumps(body))


def put(path: tuple[str, ...], value: object) -> Any:
    """The smallest document with `value` at `path`."""
    for step in reversed(path):
        value = [value] if step.isdecimal() else {step: value}
    return value


def adapter_that(reading: object) -> Any:
    """A stranger's adapter whose readers return `reading`, or raise it."""

    def read(response: HttpResponse) -> object:
        if isinstance(reading, Exception):
            raise reading
        return reading

    return SimpleNamespace(read_submit=read, read_poll=read)


@pytest.mark.parametrize(("table", "read", "value"), [(ID_PATHS, as_id, "task_1"), (URL_PATHS, as_url, LINK)])
def test_every_place_of_a_table_is_found(table: Paths, read: Any, value: str) -> None:
    for path in table:
        assert first(put(path, value), table, read) == value, path


def test_an_earlier_place_wins_over_a_later_one() -> None:
    assert first({"task_id": "second", "id": "first"}, ID_PATHS, as_id) == "first"
    assert first({"task_id": "second", "id": None}, ID_PATHS, as_id) == "second"


@pytest.mark.parametrize("value", ["", " ", ".", "..", "a b", "a\nb", "x" * 2_000, 0, -1, True, 1.5, None, [], {}])
def test_what_cannot_be_an_id_is_none(value: object) -> None:
    assert as_id(value) is None


@pytest.mark.parametrize("value", ["sora-2:task_01", "a/b", "YWJj=", "video_x-1"])
def test_an_id_is_kept_verbatim(value: str) -> None:
    assert as_id(value) == value


def test_a_status_word_means_one_thing_only() -> None:
    words = [word for text in STATUS_WORDS.values() for word in text.split()]
    assert len(words) == len(set(words))
    assert set(STATUS_WORDS) == set(RemoteStatus)
    assert all(word == word.lower() for word in words)


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("not_start", RemoteStatus.QUEUED),
        ("video_upsampling_completed", RemoteStatus.IN_PROGRESS),
        ("succeed", RemoteStatus.COMPLETED),
        ("canceled", RemoteStatus.CANCELLED),
        ("polishing", None),
    ],
)
def test_status_words_are_canonical(word: str, status: RemoteStatus | None) -> None:
    assert known_status(word) is status


@pytest.mark.parametrize(
    ("text", "link"),
    [
        (LINK, LINK),
        (f" `{LINK}` \n", LINK),
        ("HTTPS://CDN.example.test/v.mp4", "HTTPS://CDN.example.test/v.mp4"),
        ("ftp://cdn.example.test/v.mp4", None),
        ("file:///etc/passwd", None),
        ("javascript:alert(1)", None),
        ("data:video/mp4;base64,AAAA", None),
        ("//cdn.example.test/v.mp4", None),
        ("/outputs/v.mp4", None),
        ("https://", None),
        ("https://[::1", None),
        ("https://host/a b", None),
        ("https://host/\u0000", None),
        ("https://host/" + "x" * 9_000, None),
        ({"url": LINK}, None),
    ],
)
def test_only_http_links_with_a_host_are_links(text: object, link: str | None) -> None:
    assert as_url(text) == link


@pytest.mark.parametrize(
    ("value", "percent"),
    [
        (0, 0),
        (1, 1),
        (42, 42),
        ("42", 42),
        ("42%", 42),
        (" 42 % ", 42),
        ("", None),
        (0.93, 93),
        (0.29, 29),
        ("0.93", 93),
        ("0.5%", 0),
        (1.0, 100),
        (99.9, 99),
        (250, 100),
        (-3, 0),
        (10**400, None),
        ("inf", None),
        ("nan", None),
        ("half", None),
        (True, None),
        ([50], None),
    ],
)
def test_progress_has_many_spellings_and_one_range(value: object, percent: int | None) -> None:
    assert progress_percent({"progress": value}) == percent


def test_progress_of_the_raw_passthrough_is_a_ratio() -> None:
    assert progress_percent({"detail": {"pending_info": {"progress_pct": 0.5}}}) == 50


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry_after": "7"}, 7.0),
        ({"retry_after": "0.5"}, 0.5),
        ({"retry_after": "-7"}, None),
        ({"retry_after": "soon"}, None),
        ({"retry_after": "9999999999"}, 86_400.0),
        ({"retry_after_ms": "250", "retry_after": "7"}, 0.25),
        ({"retry_after": "Sun, 22 Nov 2026 10:00:30 GMT", "date": "Sun, 22 Nov 2026 10:00:00 GMT"}, 30.0),
        ({"retry_after": "Sun, 22 Nov 2026 09:00:00 GMT", "date": "Sun, 22 Nov 2026 10:00:00 GMT"}, 0.0),
        ({"retry_after": "Sun, 22 Nov 2026 10:00:30 GMT"}, None),
        ({"retry_after": "Sun, 22 Nov 2026 10:00:30 GMT", "date": "Sun, 22 Nov 2026 10:00:00 -0000"}, None),
    ],
)
def test_retry_after_is_read_without_a_clock(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_s(answer({}, 429, **headers)) == seconds


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({}, Complaint()),
        ({"code": "success", "message": "", "data": {}}, Complaint()),
        ({"error": {"message": "", "code": ""}}, Complaint()),
        ({"error": None, "fail_reason": ""}, Complaint()),
        ({"error": "plain words"}, Complaint((), ("plain words",))),
        ({"error": {"message": "m", "code": 500}}, Complaint(("500",), ("m",))),
        ({"detail": [{"msg": "Field required"}, {"msg": "Too long"}]}, Complaint((), ("Field required; Too long",))),
        ({"detail": "Not Found"}, Complaint((), ("Not Found",))),
    ],
)
def test_a_complaint_is_found_wherever_it_is_kept(document: dict[str, Any], expected: Complaint) -> None:
    assert complaint(document) == expected
    assert bool(expected) == (expected != Complaint())


def test_a_complaint_inside_json_inside_a_string_is_opened() -> None:
    inner = orjson.dumps({"error": {"message": "innermost", "code": "sentinel_block"}}).decode()
    middle = orjson.dumps({"code": "fail_to_fetch_task", "message": inner}).decode()
    said = complaint({"code": "outer", "message": middle})
    assert said.codes == ("outer", "fail_to_fetch_task", "sentinel_block")
    assert said.message == "innermost"


@pytest.mark.parametrize(
    "text",
    [
        'bad response status code 403, body: {"error": {"code": "sentinel_block", "message": "no"}}',
        "Error code: 403 - {'error': {'code': 'sentinel_block', 'message': \"it's no\", 'param': None}}",
        'upstream said {"error": {"code": "sentinel_block"}} and hung up',
        'failed: {\\"error\\": {\\"code\\": \\"sentinel_block\\"}}',
    ],
)
def test_a_complaint_that_begins_inside_a_text_is_opened(text: str) -> None:
    assert "sentinel_block" in complaint({"message": text}).codes


@pytest.mark.parametrize("text", ["{'a': " * 2_000, "{" * 9_000, "x {'a': open('f')}", "{'a': '\\d'", "{1: 2}"])
def test_what_only_looks_like_a_document_is_words(text: str) -> None:
    assert complaint({"message": text}).codes == ()


@pytest.mark.parametrize(
    "document",
    [
        {"errors": [{"message": "m"}]},
        {"error": [{"message": "m"}]},
        {"base_resp": {"status_code": 0, "status_msg": "m"}},
        {"status_message": "m"},
        {"reason": "m"},
        {"error_description": "m"},
        {"title": "m"},
        {"Error": {"Message": "m"}},
    ],
)
def test_words_are_found_in_every_place(document: dict[str, Any]) -> None:
    assert complaint(document).message == "m"


def test_json_in_strings_is_not_followed_for_ever() -> None:
    text = "bottom"
    for _ in range(8):
        text = orjson.dumps({"message": text}).decode()
    assert complaint({"message": text}).message == ""


@pytest.mark.parametrize(
    ("document", "microusd"),
    [
        ({"cost_usd": 0.1}, 100_000),
        ({"usage": {"cost_usd": "1.234567"}}, 1_234_567),
        ({"usage": {"cost_in_usd_ticks": 500_000_000}}, 50_000),
        ({"cost": 3}, None),
        ({"cost_usd": -1}, None),
        ({"cost_usd": 1e9}, None),
        ({"cost_usd": "a lot"}, None),
    ],
)
def test_only_a_cost_in_dollars_is_believed(document: dict[str, Any], microusd: int | None) -> None:
    assert cost_microusd(document) == microusd


def test_the_outer_status_wins_when_the_outer_object_is_the_job() -> None:
    job = {"task_id": "t", "status": "IN_PROGRESS", "data": {"status": "completed", "output": LINK}}
    assert job_object(job) is job
    assert job_object({"status": "success", "data": {"status": "IN_PROGRESS"}}) == {"status": "IN_PROGRESS"}


def test_a_link_in_a_job_that_is_not_done_is_no_video_yet() -> None:
    polled = read_poll(openai, answer({"id": "video_1", "status": "in_progress", "progress": 96, "url": LINK}))
    assert polled == Running(queued=False, progress=96, url=LINK)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"message": "Too many requests"}, Reason.RATE_LIMITED),
        ({"message": "invalid api key"}, Reason.AUTH),
        ({"error": {"message": "No available accounts"}}, Reason.OVERLOADED),
        ({"code": "internal", "message": "query failed, try again"}, Reason.UNREADABLE),
        ({"message": "context deadline exceeded"}, Reason.UNREADABLE),
        ({}, Reason.UNREADABLE),
    ],
)
@pytest.mark.parametrize("adapter", BUILT_IN.values(), ids=BUILT_IN)
def test_an_error_envelope_with_no_more_than_an_id_is_a_failed_poll(adapter: Any, said: Any, reason: Reason) -> None:
    polled = read_poll(adapter, answer({"id": "req_77", "status": "error", **said}))
    assert isinstance(polled, Failure)
    assert (polled.stage, polled.reason) == (Stage.POLL, reason)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"object": "video", "message": "Too many requests"}, Reason.RATE_LIMITED),
        ({"progress": 0, "message": "Too many requests"}, Reason.RATE_LIMITED),
        ({"fail_reason": "", "message": "query failed"}, Reason.INTERNAL),
        ({"model": "sora-2", "error": "crashed"}, Reason.INTERNAL),
        ({"message": "blocked by our moderation system"}, Reason.REFUSED),
    ],
)
def test_an_error_that_shows_a_job_or_a_review_is_the_jobs_own(said: Any, reason: Reason) -> None:
    polled = read_poll(openai, answer({"id": "video_1", "status": "error", **said}))
    assert isinstance(polled, Failure)
    assert polled.stage is not Stage.POLL
    assert polled.reason is reason


ERRORS = [
    KeyError("id"),
    IndexError(),
    TypeError(),
    ValueError(),
    AttributeError(),
    RecursionError(),
    ZeroDivisionError(),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_adapter_that_raises_is_ambiguous_on_submit_and_unreadable_on_poll(error: Exception) -> None:
    submitted, polled = read_submit(adapter_that(error), answer({})), read_poll(adapter_that(error), answer({}))
    assert isinstance(submitted, Failure)
    assert isinstance(polled, Failure)
    assert (submitted.stage, submitted.reason) == (Stage.SUBMIT, Reason.AMBIGUOUS)
    assert (polled.stage, polled.reason) == (Stage.POLL, Reason.UNREADABLE)


@pytest.mark.parametrize("status", [302, 400, 404, 500, 503])
def test_an_adapter_cannot_accept_or_finish_a_job_on_anything_but_a_2xx(status: int) -> None:
    submitted = read_submit(adapter_that(Accepted("video_1")), answer({}, status))
    assert isinstance(submitted, Failure)
    assert submitted.reason is Reason.AMBIGUOUS
    for claim in (Succeeded(LINK), Running(queued=True)):
        polled = read_poll(adapter_that(claim), answer({}, status))
        assert isinstance(polled, Failure)
        assert polled.stage is Stage.POLL


def test_an_adapter_that_answers_nothing_is_a_failure() -> None:
    assert isinstance(read_submit(adapter_that(None), answer({})), Failure)
    assert isinstance(read_poll(adapter_that(None), answer({})), Failure)
    assert isinstance(read_submit(adapter_that(Succeeded(LINK)), answer({})), Failure)
    assert isinstance(read_poll(adapter_that(Accepted("video_1")), answer({})), Failure)


JOB = {"id": "video_1", "progress": 100}


@pytest.mark.parametrize("adapter", BUILT_IN.values(), ids=BUILT_IN)
def test_done_without_a_link_is_a_success_that_lacks_its_link(adapter: Any) -> None:
    assert read_poll(adapter, answer({**JOB, "status": "completed"})) == Succeeded()
    assert read_poll(adapter, answer({**JOB, "status": "completed", "url": "/outputs/v.mp4"})) == Succeeded()


@pytest.mark.parametrize(
    "flag",
    [
        {"respect_moderation": False},
        {"video": {"url": None, "respect_moderation": False}},
        {"response": {"generateVideoResponse": {"raiMediaFilteredCount": 1}}},
        {"moderation": "blocked"},
        {"data": {"flagged": True}},
        {"nsfw_detected": True},
        {"error": {"message": "filtered by content policy"}},
    ],
)
@pytest.mark.parametrize("adapter", BUILT_IN.values(), ids=BUILT_IN)
def test_done_without_a_link_is_a_refused_output_where_a_review_says_so(adapter: Any, flag: dict[str, Any]) -> None:
    polled = read_poll(adapter, answer({**JOB, "status": "completed", **flag}))
    assert isinstance(polled, Failure)
    assert (polled.stage, polled.reason) == (Stage.OUTPUT_REVIEW, Reason.REFUSED)


@pytest.mark.parametrize(
    "flag", [{"respect_moderation": True}, {"nsfw": False}, {"raiMediaFilteredCount": 0}, {"input": {"nsfw": True}}]
)
def test_a_flag_that_is_not_up_or_was_asked_for_refuses_nothing(flag: dict[str, Any]) -> None:
    assert read_poll(openai, answer({**JOB, "status": "completed", **flag})) == Succeeded()


@pytest.mark.parametrize("word", ["video_generation_completed", "video_upsampling", "VIDEO-UPSAMPLING-COMPLETED"])
def test_the_video_before_upsampling_is_not_offered(word: str) -> None:
    assert read_poll(openai, answer({**JOB, "status": word, "url": LINK})) == Running(queued=False, progress=100)


@pytest.mark.parametrize(
    ("told", "expires_at"),
    [
        ({"expires_at": 1_790_000_000}, 1_790_000_000.0),
        ({"expires_at": 1_790_000_000_000}, 1_790_000_000.0),
        ({"expires_at": "1790000000"}, 1_790_000_000.0),
        ({"data": {"expires_at": 1_790_000_000}}, 1_790_000_000.0),
        ({"expires_at": "2026-09-21T14:13:20Z"}, 1_790_000_000.0),
        ({"expires_at": None, "url": f"{LINK}?Expires=1790000000&Signature=x"}, 1_790_000_000.0),
        ({"expires_at": 1_780_000_000, "url": f"{LINK}?Expires=1790000000"}, 1_780_000_000.0),
        ({"expires_at": 0}, None),
        ({"expires_at": "soon"}, None),
        ({}, None),
    ],
)
def test_a_success_tells_when_its_link_dies(told: dict[str, Any], expires_at: float | None) -> None:
    done = read_poll(openai, answer({**JOB, "status": "completed", "url": LINK, **told}))
    assert isinstance(done, Succeeded)
    assert done.expires_at == expires_at


@pytest.mark.parametrize(
    ("query", "expires_at"),
    [
        ("X-Amz-Date=20260921T140000Z&X-Amz-Expires=800&X-Amz-Signature=s", 1_790_000_000.0),
        ("x-oss-expires=1790000000&x-oss-signature=s", 1_790_000_000.0),
        ("e=1790000000&token=t", 1_790_000_000.0),
        ("se=2026-09-21T14%3A13%3A20Z&sig=s", 1_790_000_000.0),
        ("Expires=3600", None),
        ("e=17900000000", None),
        ("X-Amz-Date=yesterday&X-Amz-Expires=800", None),
        ("X-Amz-Date=20260921T140000Z&X-Amz-Expires=9999999999", None),
        ("se=tomorrow&sig=s", None),
        ("", None),
        ("&" * 5_000, None),
    ],
)
def test_a_signed_link_says_when_it_dies_where_it_says_so_plainly(query: str, expires_at: float | None) -> None:
    assert link_expires_at(f"{LINK}?{query}") == expires_at


def test_a_failure_shows_neither_message_nor_link_in_its_repr() -> None:
    polled = read_poll(openai, answer({"id": "v", "object": "video", "status": "failed", "error": "a secret prompt"}))
    done = read_poll(openai, answer({"id": "v", "status": "completed", "url": f"{LINK}?signature=1"}))
    assert "secret" not in repr(polled)
    assert "signature" not in repr(done)
