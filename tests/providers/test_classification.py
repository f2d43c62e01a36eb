"""The table of complaints: what a word proves, and what it must never be taken for."""

from typing import Any

import orjson
import pytest

from providers.adapter import HttpResponse
from providers.canonical import Failure, Reason, Stage
from providers.classification import (
    failed_job,
    failed_poll,
    matching_rule,
    poll_unanswered,
    refused_submit,
    unanswered,
    unsent,
)
from providers.complaints import Complaint
from providers.rules import RULES, Rule, rule

CODES = [pytest.param(row, code, id=code) for row in RULES for code in sorted(row.codes)]
PHRASES = [pytest.param(row, phrase, id=phrase) for row in RULES for phrase in row.phrases]
SATURATED = "当前分组上游负载已饱和，请稍后再试"
NO_REFUSALS = [200, 202, 302, 500, 502, 503, 504, 520, 524]
TOLD_BY_JOBS = (Reason.AUTH, Reason.BALANCE, Reason.RATE_LIMITED, Reason.OVERLOADED)
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
    if row.stage is not None or row.reason is not Reason.REFUSED:
        assert stage is (row.stage or Stage.SUBMIT)
    else:
        assert stage in REVIEWS


@pytest.mark.parametrize(("row", "phrase"), PHRASES)
def test_every_phrase_is_classified_as_its_row_says(row: Rule, phrase: str) -> None:
    found = matching_rule(Complaint((), (f"before {phrase} after",)))
    assert found is not None
    assert found.reason is row.reason


@pytest.mark.parametrize("status", [400, 403, 429, 451])
@pytest.mark.parametrize(
    "weak", ["rate_limit_exceeded", "invalid_parameter", "channel:no_available_key", "do_request_failed"]
)
@pytest.mark.parametrize("row", [row for row in RULES if row.reason is Reason.REFUSED], ids=lambda row: str(row.stage))
def test_no_refusal_reads_as_a_reason_that_fails_over(row: Rule, weak: str, status: int) -> None:
    for words in (*row.codes, *row.phrases):
        failure = submitted({"error": {"code": weak, "message": words}}, status)
        assert failure.reason is Reason.REFUSED
        assert failure.stage in REVIEWS


@pytest.mark.parametrize("status", [200, 500, 502, 503])
@pytest.mark.parametrize("reason", [Reason.REFUSED, Reason.BALANCE, Reason.AUTH])
def test_a_code_that_decides_is_never_hidden_by_one_that_fails_over(reason: Reason, status: int) -> None:
    for code in (code for row in RULES if row.reason is reason for code in row.codes):
        said = {"error": {"code": "rate_limit_exceeded", "type": code, "message": SATURATED}}
        assert submitted(said, status).reason is reason


@pytest.mark.parametrize("status", [400, 402, 403, 429])
@pytest.mark.parametrize("reason", [Reason.BALANCE, Reason.AUTH])
def test_an_empty_account_or_bad_key_never_reads_as_rate_limited(reason: Reason, status: int) -> None:
    for row in (row for row in RULES if row.reason is reason):
        for words in (*row.codes, *row.phrases):
            by_code = submitted({"error": {"code": words, "message": SATURATED}}, status)
            by_words = submitted({"error": {"code": "rate_limit_exceeded", "message": words}}, status)
            assert by_code.reason is by_words.reason is reason


def test_a_429_that_says_insufficient_quota_is_an_empty_account() -> None:
    said = {"error": {"type": "insufficient_quota", "code": "insufficient_quota", "message": "Rate limit reached"}}
    assert submitted(said, 429, retry_after="20").reason is Reason.BALANCE
    assert failed_poll(answer(said, 429), said).reason is Reason.BALANCE


@pytest.mark.parametrize("status", [408, 409, 499])
@pytest.mark.parametrize("code", ["invalid_parameter", "insufficient_quota", "moderation_blocked", "anything"])
def test_408_and_409_and_499_prove_nothing_of_a_submit(code: str, status: int) -> None:
    failure = submitted({"error": {"code": code, "message": "x"}}, status)
    assert (failure.stage, failure.reason) == (Stage.SUBMIT, Reason.AMBIGUOUS)


@pytest.mark.parametrize("status", NO_REFUSALS)
@pytest.mark.parametrize("row", [row for row in RULES if row.phrases], ids=lambda row: f"{row.reason}-{row.stage}")
def test_a_prompt_echoed_by_anything_but_a_4xx_proves_nothing(row: Rule, status: int) -> None:
    for words in (*row.codes, *row.phrases):
        echoed = {"error": {"message": f"failed while handling the prompt: a sign that says {words}"}}
        assert submitted(echoed, status).reason is Reason.AMBIGUOUS


DOCUMENTED = {
    "分组 default 下模型 sora-2 无可用渠道（distributor）": Reason.OVERLOADED,
    "获取分组 default 下模型 sora-2 的可用渠道失败（retry）: record not found": Reason.OVERLOADED,
    "No available channel for model sora-2 under group default (distributor)": Reason.OVERLOADED,
    "Failed to get available channels for model sora-2 under group default": Reason.OVERLOADED,
    "No available accounts": Reason.OVERLOADED,
    "The engine is currently overloaded, please try again later": Reason.OVERLOADED,
    f"{SATURATED} (request id: B2026)": Reason.RATE_LIMITED,
    "Current group upstream load is saturated, please try again later": Reason.RATE_LIMITED,
}


@pytest.mark.parametrize("status", NO_REFUSALS)
@pytest.mark.parametrize("message", DOCUMENTED)
def test_a_documented_text_refuses_at_any_status_where_a_message_begins_with_it(message: str, status: int) -> None:
    inner = orjson.dumps({"error": {"message": message}}).decode()
    for said in ({"error": {"message": message}}, {"code": "fail_to_fetch_task", "message": inner}):
        assert submitted(said, status).reason is DOCUMENTED[message]
    assert submitted({"error": {"message": f"prompt: {message}"}}, status).reason is Reason.AMBIGUOUS


STATEMENTS = {
    "Insufficient balance": Reason.BALANCE,
    "Error: your account balance is insufficient, please top up": Reason.BALANCE,
    "upstream error: [403] Your credit balance is too low": Reason.BALANCE,
    "创建任务失败：余额不足": Reason.BALANCE,
    'bad response status code 402, body: {"error":{"message":"Insufficient credits"}}': Reason.BALANCE,
    "OpenAI API error: Incorrect API key provided": Reason.AUTH,
    "[sora] 密钥无效或已被禁用": Reason.AUTH,
    "Your prompt was flagged by our moderation system": Reason.REFUSED,
    "參考圖片含有真人臉部": Reason.REFUSED,
}
ECHOES = [
    "failed to render a sign that says insufficient balance",
    "Prompt: your account balance is insufficient",
    "error: prompt 'api key invalid' could not be processed",
    'failed: prompt: {"error":{"code":"insufficient_quota"}}',
    "失败：您的提示词：余额不足",
    "a violent scene was rendered",
    "nudity",
    "task 123 accepted; your account has insufficient balance for the next one",
    "任务已创建，内容审核未通过前请等待",
]


@pytest.mark.parametrize("status", NO_REFUSALS)
@pytest.mark.parametrize("message", STATEMENTS)
def test_what_a_message_begins_with_refuses_at_any_status(message: str, status: int) -> None:
    assert submitted({"error": {"message": message}}, status).reason is STATEMENTS[message]


@pytest.mark.parametrize("status", NO_REFUSALS)
@pytest.mark.parametrize("message", ECHOES)
def test_what_may_be_a_prompt_or_follows_an_acceptance_refuses_nothing(message: str, status: int) -> None:
    assert submitted({"error": {"message": message}}, status).reason is Reason.AMBIGUOUS


CODES_NOBODY_LISTED = {
    "InsufficientBalanceError": Reason.BALANCE,
    "ERR_QUOTA_EXCEEDED": Reason.BALANCE,
    "RateLimitReached": Reason.RATE_LIMITED,
    "too-many-requests": Reason.RATE_LIMITED,
    "ContentPolicyViolation.Image": Reason.REFUSED,
    "Invalid.Api.Key": Reason.AUTH,
    "AccountOverdue": Reason.BALANCE,
}


@pytest.mark.parametrize("status", [200, 400, 500])
@pytest.mark.parametrize("code", CODES_NOBODY_LISTED)
def test_a_code_is_read_in_any_spelling(code: str, status: int) -> None:
    assert submitted({"code": code, "message": "no"}, status).reason is CODES_NOBODY_LISTED[code]


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("video length exceeds the limit of 15 s", Reason.INVALID),
        ("prompt token limit exceeded", Reason.INVALID),
        ("insufficient GPU memory", Reason.OVERLOADED),
        ("requests per minute for your account", Reason.RATE_LIMITED),
    ],
)
def test_words_of_money_and_limits_mean_what_they_stand_beside(message: str, reason: Reason) -> None:
    assert submitted({"error": message}, 400).reason is reason


@pytest.mark.parametrize("message", ["names are case-sensitive", "white balance", "thread safety", "a people person"])
def test_words_that_only_look_like_complaints_are_not_known(message: str) -> None:
    assert not submitted({"error": message}, 400).recognised


@pytest.mark.parametrize(("code", "reason"), [(401, Reason.AUTH), ("402", Reason.BALANCE), (422, Reason.INVALID)])
def test_a_2xx_that_writes_a_4xx_into_its_body_is_read_as_that(code: object, reason: Reason) -> None:
    assert submitted({"code": code, "message": "hm"}, 200).reason is reason
    assert submitted({"status_code": code, "message": "hm"}, 200).reason is reason
    assert submitted({"code": code, "message": "connection reset"}, 200).reason is Reason.AMBIGUOUS
    assert submitted({"code": code, "message": "hm"}, 500).reason is Reason.AMBIGUOUS


@pytest.mark.parametrize("code", [408, 409, 499, 4040, 500, 4.04, True, "4xx"])
def test_no_other_number_in_a_2xx_refuses(code: object) -> None:
    assert submitted({"code": code, "message": "hm"}, 200).reason is Reason.AMBIGUOUS


def test_words_no_row_knows_are_said_to_be_unknown() -> None:
    job = {"id": "v", "status": "failed", "error": "the penguins are on strike"}
    assert not failed_job(answer(job, 200), job, 0).recognised
    assert not submitted({"error": "the penguins are on strike"}, 400).recognised
    assert not failed_poll(answer({"error": "penguins"}, 500), {"error": "penguins"}).recognised
    for known in ({}, {"error": ""}, {"error": "internal error"}, {"error": "insufficient balance"}):
        assert failed_job(answer(known, 200), {"status": "failed", **known}, 0).recognised
        assert submitted(known, 400).recognised


def test_the_transports_verdicts_are_made_in_the_same_place() -> None:
    assert unsent("refused") == Failure(Stage.SUBMIT, Reason.UNREACHABLE, "refused")
    assert unanswered("reset") == Failure(Stage.SUBMIT, Reason.AMBIGUOUS, "reset")
    assert poll_unanswered("reset") == Failure(Stage.POLL, Reason.UNREACHABLE, "reset")


def test_a_task_that_is_not_found_says_nothing_of_a_create_that_broke_down() -> None:
    said = {"code": "task_not_exist", "message": "task_not_exist", "data": None}
    assert submitted(said, 500).reason is Reason.AMBIGUOUS
    assert failed_poll(answer(said, 400), said).reason is Reason.INVALID


def test_the_code_of_an_error_that_a_relay_passes_on_as_text_counts() -> None:
    inner = orjson.dumps({"error": {"code": "moderation_blocked", "message": "no"}}).decode()
    assert submitted({"code": "fail_to_fetch_task", "message": inner}, 500).reason is Reason.REFUSED
    lost = orjson.dumps({"error": {"message": "task created, but: rate limit while reading status"}}).decode()
    assert submitted({"code": "fail_to_fetch_task", "message": lost}, 500).reason is Reason.AMBIGUOUS


@pytest.mark.parametrize("status", NO_REFUSALS)
@pytest.mark.parametrize("row", [row for row in RULES if row.reason is Reason.AMBIGUOUS])
def test_doubt_wins_over_every_code_and_text_of_anything_but_a_4xx(row: Rule, status: int) -> None:
    for doubt in (*row.codes, *row.phrases):
        said = {"error": {"code": "moderation_blocked", "message": doubt}, "message": SATURATED}
        assert submitted(said, status, retry_after="5").reason is Reason.AMBIGUOUS


GATEWAYS = [
    "context canceled",
    'Post "https://upstream/v1/video/create": context canceled',
    "client closed connection while upstream was processing",
    "client disconnected",
    "upstream connect error or disconnect/reset before headers. reset reason: connection termination",
]


@pytest.mark.parametrize("status", [400, 403, 404, 422, 500, 502, 503, 504])
@pytest.mark.parametrize("message", GATEWAYS)
def test_a_gateway_that_lost_sight_of_a_create_is_ambiguous(message: str, status: int) -> None:
    assert submitted({"error": {"message": message, "type": "new_api_error"}}, status).reason is Reason.AMBIGUOUS
    assert submitted({"detail": message}, status).reason is Reason.AMBIGUOUS


@pytest.mark.parametrize("status", [400, 403, 422, 429, 451, 500, 503])
@pytest.mark.parametrize(
    "job",
    [
        {"id": "video_123", "status": "queued"},
        {"id": "video_123", "status": "polishing"},
        {"task_id": "t", "status": "SUCCESS"},
        {"code": "too_many_requests", "data": {"task_id": "t", "status": "SUBMITTED"}},
        {"status": "queued"},
    ],
)
def test_an_error_that_names_a_job_not_failed_is_ambiguous(job: Any, status: int) -> None:
    assert submitted({"message": "invalid api key", **job}, status, retry_after="5").reason is Reason.AMBIGUOUS


def test_an_error_that_names_a_failed_job_or_just_itself_is_still_a_refusal() -> None:
    for said in ({"id": "video_1", "status": "failed"}, {"id": "req_1"}, {"status": 400}, {"status": "error"}):
        assert submitted({"error": {"code": "invalid_value", "message": "no"}, **said}, 400).reason is Reason.INVALID


@pytest.mark.parametrize("status", [200, 202, 302, 500, 502, 503, 504, 520, 524])
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


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"error": {"message": "Service temporarily unavailable"}}, Reason.AMBIGUOUS),
        ({"error": {"message": "later", "code": "upstream_error"}}, Reason.AMBIGUOUS),
        ({}, Reason.AMBIGUOUS),
        ({"error": {"message": "no", "code": "channel:no_available_key"}}, Reason.OVERLOADED),
        ({"error": {"message": "no", "code": "rate_limit_exceeded"}}, Reason.RATE_LIMITED),
        ({"error": {"message": "no", "code": "insufficient_quota"}}, Reason.BALANCE),
        ({"error": {"message": "no", "code": "invalid_api_key"}}, Reason.AUTH),
    ],
)
def test_a_503_is_a_refusal_only_if_documented_or_with_retry_after(said: Any, reason: Reason) -> None:
    assert submitted(said, 503).reason is reason
    with_retry_after = Reason.OVERLOADED if reason is Reason.AMBIGUOUS else reason
    assert submitted(said, 503, retry_after="5").reason is with_retry_after


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
            assert failure.reason in {*TOLD_BY_JOBS, Reason.REFUSED, Reason.INVALID, Reason.INTERNAL}
            assert failure.stage in {*REVIEWS, Stage.GENERATE}


@pytest.mark.parametrize("reason", TOLD_BY_JOBS)
def test_what_a_job_says_of_keys_and_accounts_is_its_own_end(reason: Reason) -> None:
    for row in (row for row in RULES if row.reason is reason):
        for code in row.codes:
            said = {"status": "failed", "error": {"code": code, "message": "no"}}
            failure = failed_job(answer(said, 200), said, 50)
            assert (failure.stage, failure.reason, failure.code) == (Stage.GENERATE, reason, code)
        for phrase in row.phrases:
            said = {"status": "failed", "error": f"the upstream answered: {phrase}"}
            failure = failed_job(answer(said, 200), said, 50)
            assert (failure.stage, failure.reason) == (Stage.GENERATE, reason)


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
