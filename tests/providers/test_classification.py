"""The table of complaints: what a word proves, and what it must never be taken for."""

from typing import Any

import orjson
import pytest

from providers.adapter import HttpResponse
from providers.canonical import Failure, Reason, Stage
from providers.classification import failed_job, failed_poll, matching_rule, refused_submit
from providers.fields import Complaint
from providers.rules import RULES, Rule, rule

CODES = [pytest.param(row, code, id=code) for row in RULES for code in sorted(row.codes)]
PHRASES = [pytest.param(row, phrase, id=phrase) for row in RULES for phrase in row.phrases]
REVIEWS = {Stage.IMAGE_REVIEW, Stage.PROMPT_REVIEW, Stage.OUTPUT_REVIEW}


def answer(document: Any, status: int, **headers: str) -> HttpResponse:
    return HttpResponse(
        status, {name.replace("_", "-"): value for name, value in headers.items()}, orjson.dumps(document)
    )


def submitted(document: Any, status: int, **headers: str) -> Failure:
    return refused_submit(answer(document, status, **headers), document)


@pytest.mark.parametrize(("row", "code"), CODES)
def test_every_code_is_classified_as_its_row_says(row: Rule, code: str) -> None:
    for spelling in (code, code.upper()):
        found = matching_rule(Complaint((spelling,), ("whatever the message says",)))
        assert found is not None
        assert found.reason is row.reason
    stage = submitted({"error": {"code": code, "message": "no"}}, 400).stage
    assert stage is (row.stage or (Stage.PROMPT_REVIEW if row.reason is Reason.REFUSED else Stage.SUBMIT))


@pytest.mark.parametrize(("row", "phrase"), PHRASES)
def test_every_phrase_is_classified_as_its_row_says(row: Rule, phrase: str) -> None:
    found = matching_rule(Complaint((), (f"before {phrase} after",)))
    assert found is not None
    assert found.reason is row.reason


@pytest.mark.parametrize("status", [200, 400, 403, 429, 451, 500, 503])
@pytest.mark.parametrize(
    "weak", ["rate_limit_exceeded", "invalid_parameter", "channel:no_available_key", "do_request_failed"]
)
@pytest.mark.parametrize("row", [row for row in RULES if row.reason is Reason.REFUSED], ids=lambda row: str(row.stage))
def test_no_refusal_reads_as_a_reason_that_fails_over(row: Rule, weak: str, status: int) -> None:
    for words in (*row.codes, *row.phrases):
        failure = submitted({"error": {"code": weak, "message": words}}, status)
        assert failure.reason is Reason.REFUSED
        assert failure.stage in REVIEWS


@pytest.mark.parametrize("status", [200, 400, 402, 403, 429, 500, 503])
@pytest.mark.parametrize("reason", [Reason.BALANCE, Reason.AUTH])
def test_an_empty_account_or_bad_key_never_reads_as_rate_limited(reason: Reason, status: int) -> None:
    for row in (row for row in RULES if row.reason is reason):
        for words in (*row.codes, *row.phrases):
            by_code = submitted({"error": {"code": words, "message": "当前分组上游负载已饱和，请稍后再试"}}, status)
            by_words = submitted({"error": {"code": "rate_limit_exceeded", "message": words}}, status)
            assert by_code.reason is by_words.reason is reason


def test_a_429_that_says_insufficient_quota_is_an_empty_account() -> None:
    said = {"error": {"type": "insufficient_quota", "code": "insufficient_quota", "message": "Rate limit reached"}}
    assert submitted(said, 429, retry_after="20").reason is Reason.BALANCE
    assert failed_poll(answer(said, 429), said).reason is Reason.BALANCE


@pytest.mark.parametrize("status", [408, 409])
@pytest.mark.parametrize("code", ["invalid_parameter", "insufficient_quota", "moderation_blocked", "anything"])
def test_408_and_409_prove_nothing_of_a_submit(code: str, status: int) -> None:
    failure = submitted({"error": {"code": code, "message": "x"}}, status)
    assert (failure.stage, failure.reason) == (Stage.SUBMIT, Reason.AMBIGUOUS)


@pytest.mark.parametrize("status", [200, 202, 302, 500, 502, 504, 520, 524])
@pytest.mark.parametrize(
    "document", [{}, {"error": {"message": "something broke"}}, {"code": "bad_response", "message": "?"}]
)
def test_an_unrecognised_complaint_with_no_4xx_is_ambiguous(document: Any, status: int) -> None:
    assert submitted(document, status).reason is Reason.AMBIGUOUS


@pytest.mark.parametrize("status", [400, 404, 410, 413, 415, 422, 431])
def test_an_unrecognised_4xx_complaint_is_a_refusal(status: int) -> None:
    failure = submitted({"error": {"message": "no"}}, status)
    assert (failure.stage, failure.reason) == (Stage.SUBMIT, Reason.INVALID)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_a_4xx_that_complains_of_nothing_is_ambiguous(status: int) -> None:
    assert submitted({}, status).reason is Reason.AMBIGUOUS
    assert refused_submit(HttpResponse(status, {}, b"<html>"), None).reason is Reason.AMBIGUOUS


def test_a_429_is_a_refusal_even_without_words() -> None:
    assert refused_submit(HttpResponse(429, {"retry-after": "3"}, b"<html>"), None) == Failure(
        Stage.SUBMIT, Reason.RATE_LIMITED, retry_after_s=3.0, message="HTTP 429 without an explanation"
    )
    assert submitted({"error": {"message": "timed out in the queue"}}, 429).reason is Reason.RATE_LIMITED


def test_a_503_is_a_refusal_only_with_words_or_retry_after() -> None:
    assert submitted({"error": {"message": "later"}}, 503).reason is Reason.OVERLOADED
    assert submitted({}, 503, retry_after="5").reason is Reason.OVERLOADED
    assert submitted({}, 503).reason is Reason.AMBIGUOUS


def test_a_relay_that_lost_its_own_upstream_is_ambiguous_at_any_status() -> None:
    for status in (200, 400, 422, 500, 503):
        assert submitted({"code": "do_request_failed", "message": "x"}, status).reason is Reason.AMBIGUOUS


def test_a_broad_code_counts_only_in_a_2xx_without_an_id() -> None:
    said = {"error": {"code": "invalid_request", "message": "no"}}
    assert [submitted(said, status).reason for status in (200, 400, 401, 500)] == [
        Reason.INVALID,
        Reason.INVALID,
        Reason.AUTH,
        Reason.AMBIGUOUS,
    ]


@pytest.mark.parametrize(
    ("progress", "message", "stage"),
    [
        (None, "blocked by our moderation system", Stage.PROMPT_REVIEW),
        (0, "blocked by our moderation system", Stage.PROMPT_REVIEW),
        (0, "blocked by our moderation system: uploaded photo", Stage.IMAGE_REVIEW),
        (0, "内容审核未通过：检测到真人形象", Stage.IMAGE_REVIEW),
        (97, "内容审核未通过：检测到真人形象", Stage.OUTPUT_REVIEW),
        (97, "blocked by our moderation system", Stage.OUTPUT_REVIEW),
        (97, "blocked by our moderation system when checking inputs", Stage.PROMPT_REVIEW),
        (97, "people-in-user-uploads", Stage.IMAGE_REVIEW),
    ],
)
def test_a_refusal_is_placed_by_its_words_then_by_progress(progress: int | None, message: str, stage: Stage) -> None:
    said = {"status": "failed", "error": {"code": "moderation_blocked", "message": message}}
    failure = failed_job(answer(said, 200), said, progress)
    assert (failure.stage, failure.reason) == (stage, Reason.REFUSED)


def test_a_failed_job_is_never_ambiguous_and_never_of_stage_poll_or_submit() -> None:
    for row in RULES:
        for words in (*row.codes, *row.phrases, "nothing we know"):
            said = {"status": "failed", "error": {"code": words, "message": ""}}
            failure = failed_job(answer(said, 200), said, 50)
            assert failure.reason is not Reason.AMBIGUOUS
            assert failure.stage in {*REVIEWS, Stage.GENERATE}


@pytest.mark.parametrize("status", [200, 302, 400, 401, 402, 403, 404, 408, 410, 429, 451, 500, 502, 503, 504, 524])
def test_a_failed_poll_never_speaks_of_the_video(status: int) -> None:
    for row in RULES:
        for words in (*row.codes, *row.phrases):
            said = {"error": {"code": words, "message": words}}
            failure = failed_poll(answer(said, status, retry_after="9"), said)
            assert failure.stage is Stage.POLL
            assert failure.reason not in {Reason.REFUSED, Reason.AMBIGUOUS}
            assert failure.retry_after_s == 9.0


def test_a_dialects_own_rows_come_first() -> None:
    own = (rule(Reason.OVERLOADED, codes="rate_limit_exceeded"), *RULES)
    said = {"error": {"code": "rate_limit_exceeded", "message": ""}}
    assert refused_submit(answer(said, 500), said, own).reason is Reason.OVERLOADED


def test_no_code_stands_in_two_rows() -> None:
    codes = [code for row in RULES for code in row.codes]
    assert len(codes) == len(set(codes))
