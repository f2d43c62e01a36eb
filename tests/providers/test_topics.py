"""Words that only name a topic hide no key, no money, no rate and no crash, and no refusal is lost for it."""

from typing import Any

import orjson
import pytest

from providers import openai
from providers.adapter import HttpResponse
from providers.canonical import Failure, Reason, Stage
from providers.reading import read_poll, read_submit

STATED = [
    ("Rate limit exceeded for the child account; slow down", "rate_limit_exceeded", Reason.RATE_LIMITED),
    ("Violates rate policy: 5 requests per minute", "", Reason.RATE_LIMITED),
    ("Too many requests for this child account", "", Reason.RATE_LIMITED),
    ("违反平台规则：请求频率超限", "", Reason.RATE_LIMITED),
    ("API key was flagged as revoked", "", Reason.AUTH),
    ("Child keys may not create videos. Use the master key.", "", Reason.AUTH),
    ("高风险令牌，已停用", "", Reason.AUTH),
    ("Child account: insufficient credits", "", Reason.BALANCE),
    ("账户存在风险：余额不足", "", Reason.BALANCE),
    ("child pool is at capacity", "", Reason.OVERLOADED),
    ("for the child account", "insufficient_user_quota", Reason.BALANCE),
    ("人物数量超出限制，最多 3 个角色", "", Reason.INVALID),
    ("策略 ID 不存在", "policy_missing", Reason.INVALID),
]
REFUSED = [
    ("This request violates our policies", "rate_limit_exceeded"),
    ("Your image was flagged as sensitive", "rate_limit_exceeded"),
    ("内容违反规定", "rate_limit_exceeded"),
    ("图片审核不通过，请求过于频繁", ""),
    ("nudity in the prompt", "insufficient_quota"),
    ("The prompt is unsafe", ""),
    ("Please choose a different photo", ""),
    ("这个不给过", ""),
    ("尺度太大了", ""),
]
CRASHES = [
    "Segmentation fault: guard page hit by unsafe block",
    "PolicyNetwork.forward() missing 1 required positional argument: 'mask'",
    "人脸模型加载失败",
    "素材审核节点宕机，任务未完成",
    "词库文件损坏，程序崩溃",
]
WHAT_THE_CALLER_ASKED_FOR = [
    {"description": "insufficient balance"},
    {"error": {"description": "insufficient balance"}},
    {"detail": {"input": "insufficient balance"}},
    {"detail": [{"loc": ["body"], "input": "insufficient balance"}]},
    {"message": '{"description": "insufficient balance"}'},
    *({name: "insufficient balance"} for name in ("input", "prompt", "request", "params")),
]


def created(document: Any, status: int = 400) -> Failure:
    read = read_submit(openai, HttpResponse(status, {}, orjson.dumps(document)))
    assert isinstance(read, Failure)
    return read


def ended(message: str) -> Failure:
    job = {"id": "video_1", "object": "video", "status": "failed", "error": {"code": "", "message": message}}
    read = read_poll(openai, HttpResponse(200, {}, orjson.dumps(job)))
    assert isinstance(read, Failure)
    return read


@pytest.mark.parametrize(("message", "code", "reason"), STATED)
def test_a_topic_does_not_hide_a_statement_or_a_whole_code(message: str, code: str, reason: Reason) -> None:
    failure = created({"error": {"message": message, "code": code}})
    assert (failure.stage, failure.reason) == (Stage.SUBMIT, reason)


@pytest.mark.parametrize(("message", "code"), REFUSED)
def test_a_refusal_that_is_stated_is_never_hidden(message: str, code: str) -> None:
    assert created({"error": {"message": message, "code": code}}, 429).reason is Reason.REFUSED


@pytest.mark.parametrize("message", CRASHES)
def test_a_crash_that_names_a_review_is_a_crash(message: str) -> None:
    failure = ended(message)
    assert (failure.stage, failure.reason) == (Stage.GENERATE, Reason.INTERNAL)


def test_a_model_that_refuses_a_job_refuses_it_and_one_that_fails_to_load_does_not() -> None:
    assert ended("The model refused.").reason is Reason.REFUSED
    assert ended("model refused to load").reason is Reason.INTERNAL


@pytest.mark.parametrize("status", [200, 302, 500, 502, 503])
@pytest.mark.parametrize("document", WHAT_THE_CALLER_ASKED_FOR)
def test_a_field_that_may_hold_what_was_asked_for_proves_nothing(document: Any, status: int) -> None:
    assert created(document, status).reason is Reason.AMBIGUOUS
