"""What may hide a job that was made: no answer of these kinds gives its money back."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.adapter import HttpResponse
from providers.canonical import Accepted, Failure, Reason
from providers.reading import read_submit
from providers.registry import dialects

DIALECTS = pytest.mark.parametrize("adapter", dialects().values(), ids=dialects())
NO_MONEY = "insufficient balance"

NAMES_A_JOB = [
    {"code": "insufficient_quota", "data": {"jobId": "abc"}},
    {"code": "invalid_api_key", "data": {"result": [{"Task-ID": 7}]}},
    {"error": {"code": "insufficient_user_quota", "message": NO_MONEY, "job_id": "t"}},
    {"code": 401, "message": "unauthorized", "data": {"taskId": "t1"}},
    {"code": 429, "message": "slow down", "meta": {"generation_id": "g"}},
]
SAYS_IT_MADE_ONE = [
    {"code": "insufficient_quota", "message": "task created successfully"},
    {"message": "Task created: 123", "error": NO_MONEY},
    {"error": {"code": "rate_limit_exceeded", "message": "queued, starts later"}},
    {"code": "invalid_request", "message": "duplicate request, task already submitted"},
    {"message": "任务已提交，余额不足100元", "code": 402},
    {"message": NO_MONEY, "detail": "task id: 8831"},
    {"message": "Billing failed after submit: insufficient balance"},
    {"message": "balance update failed"},
    {"message": "扣费失败"},
]
ECHOES = [
    "failed to generate a video of insufficient balance",
    "failed to create video with invalid api key",
    "unable to generate an image of your account balance is insufficient",
    "生成视频「余额不足」失败",
    "生成失败，内容：余额不足",
    "保存任务时出现异常，输入内容：招牌上写着“禁止违规停车”",
    "任务处理失败：『密钥无效』",
    "input: invalid api key",
    "your text: invalid api key",
    "Your prompt text: invalid api key",
    'could not process input {"error":{"code":"insufficient_quota"}}',
    'video "insufficient balance" failed',
]
PARTS_THAT_BROKE = [
    "auth_service_error",
    "authentication_service_unavailable",
    "rate_limiter_internal",
    "billing_service_error",
    "quota_service_timeout",
    "content_moderation_pending",
    "safety_checker_failed",
]
SAYS_SO_AT_4XX = [
    "Task was created but billing failed: insufficient balance",
    "任务已创建，但扣费失败：余额不足",
    "job submitted; payment required to unlock",
    "Your job was accepted; too many requests to poll",
    "successfully queued, but your api key has expired",
]
SAYS_NONE_WAS_MADE = [
    "job not created: insufficient balance",
    "Insufficient balance; no task was created",
    "任务未创建：余额不足",
    "任务创建失败：余额不足",
]


def reason_of(adapter: Any, document: Any, status: int, **headers: str) -> Reason | None:
    """Why a create failed, or None where it was accepted."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    read = read_submit(adapter, HttpResponse(status, named, orjson.dumps(document)))
    assert isinstance(read, Accepted | Failure)
    return read.reason if isinstance(read, Failure) else None


@pytest.mark.parametrize("status", [200, 202, 302, 500, 502, 503, 504])
@pytest.mark.parametrize("document", [*NAMES_A_JOB, *SAYS_IT_MADE_ONE])
@DIALECTS
def test_what_names_a_job_or_says_that_one_was_made_is_ambiguous(adapter: Any, document: Any, status: int) -> None:
    assert reason_of(adapter, document, status, retry_after="5") in {Reason.AMBIGUOUS, None}


@pytest.mark.parametrize("status", [200, 302, 500, 502, 503])
@pytest.mark.parametrize("message", ECHOES)
@DIALECTS
def test_what_may_be_the_callers_own_words_is_ambiguous(adapter: Any, message: str, status: int) -> None:
    for document in ({"message": message}, {"error": {"message": message, "code": "upstream_error"}}):
        assert reason_of(adapter, document, status) is Reason.AMBIGUOUS


@pytest.mark.parametrize("status", [200, 500, 502, 503])
@pytest.mark.parametrize("code", PARTS_THAT_BROKE)
@DIALECTS
def test_a_part_of_the_upstream_that_broke_says_nothing_of_us(adapter: Any, code: str, status: int) -> None:
    assert reason_of(adapter, {"error": {"code": code, "message": "?"}}, status) is Reason.AMBIGUOUS


@pytest.mark.parametrize("status", [400, 402, 403, 422, 429])
@pytest.mark.parametrize("message", SAYS_SO_AT_4XX)
@DIALECTS
def test_a_4xx_that_says_a_job_was_made_is_ambiguous(adapter: Any, message: str, status: int) -> None:
    assert reason_of(adapter, {"error": {"message": message}}, status) is Reason.AMBIGUOUS


@pytest.mark.parametrize("message", SAYS_NONE_WAS_MADE)
@DIALECTS
def test_a_4xx_that_says_none_was_made_is_read_by_its_words(adapter: Any, message: str) -> None:
    assert reason_of(adapter, {"error": {"message": message}}, 400) is Reason.BALANCE


@given(
    st.sampled_from([408, 409, 499]),
    st.sampled_from([*ECHOES, *SAYS_NONE_WAS_MADE, "invalid api key", "we can't depict politicians", "违规"]),
    st.sampled_from(["insufficient_quota", "invalid_api_key", "content_policy_violation", ""]),
    st.sampled_from(sorted(dialects())),
)
def test_408_and_409_and_499_never_give_money_back(status: int, message: str, code: str, name: str) -> None:
    assert reason_of(dialects()[name], {"error": {"code": code, "message": message}}, status) is Reason.AMBIGUOUS


@pytest.mark.parametrize("message", ["too many jobs submitted", "您提交的任务过多"])
@DIALECTS
def test_too_many_jobs_are_no_job(adapter: Any, message: str) -> None:
    assert reason_of(adapter, {"error": {"message": message}}, 400) is Reason.RATE_LIMITED
