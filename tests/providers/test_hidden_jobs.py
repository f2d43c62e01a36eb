"""Answers in the words of a bad key, an empty account or a refusal, behind which a job may exist all the same."""

from typing import Any

import orjson
import pytest

from providers.adapter import HttpResponse
from providers.canonical import Failure, Reason
from providers.classification import failed_job, refused_submit
from providers.reading import read_submit
from providers.registry import dialects

ADAPTERS = dialects()
DIALECTS = pytest.mark.parametrize("adapter", ADAPTERS.values(), ids=ADAPTERS)
PROVE_NOTHING = [200, 302, 500, 502, 503]
REFUSALS = [400, 402, 403, 422]

OWN_TROUBLE = """
Access denied for user 'newapi'@'%' to database
permission denied for table tasks (SQLSTATE 42501)
[Errno 13] Permission denied: '/data/tasks.json'
AccessDenied: Access Denied
Authentication failed against database server
Session expired
session not found
cookie expired
Login required
account is locked by another task
channel disabled due to repeated errors
Token expired while waiting for the video
key not found
token not found in response
Invalid token at line 1
invalid signature in JPEG header
authentication service unavailable
鉴权服务异常
failed to deduct credits
failed to update credits
failed to get user balance
balance check failed
余额扣减失败
余额查询失败
billing error
billing callback failed
post-consume quota failed: insufficient quota
audit log failed
compliance database failed
review failed to start
video removed
image removed from cache
image rejected by CDN
上游账号余额不足，已切换渠道重试
The access token expired and was renewed
credits exceed integer range
视频生成成功，但内容审核未通过
""".strip().splitlines()
CODES_OF_OWN_TROUBLE = [
    "billing_error",
    "balance_query_failed",
    "deduct_credits_failed",
    "disk_quota_exceeded",
    "storage_quota_exceeded",
    "session_expired",
    "cookie_expired",
    "ER_ACCESS_DENIED_ERROR",
    "rate_limit_check_failed",
]
LOST_AT_A_4XX = """
upstream returned no task id
failed to get task id
task_id is empty
未获取到任务id
获取任务ID失败
上游响应异常
解析上游响应失败
invalid response from upstream
unexpected end of JSON input
invalid character 'u' looking for beginning of value
Cannot read properties of undefined (reading 'id')
bad response status code 500
bad response status code 503
bad response status code 529
bad response status code 530
failed to save task
insert_task_failed
Error 1062: Duplicate entry
""".strip().splitlines()
COPIES = """
请勿重复提交
任务已存在
Duplicate request id
Idempotency key already used
request already processed
request is being processed
You already have this job in progress: task_abc123
""".strip().splitlines()
TAKEN_ON = """
Insufficient balance (task #8831 created)
Task 8831 created.
video generation started
任务创建完成
已成功创建任务
已经提交给上游
已加入队列
进入队列
任务入列
正在生成
开始生成
任务执行中
渲染中
已派单
检测到敏感词,已自动过滤并提交
已自动替换后生成
Your prompt was flagged and rewritten; generation started
余额不足:任务创建成功,账单未创建
余额不足，任务已排队
任务8831已创建
订单已创建，余额不足
创建视频成功，余额不足
task submission was successful, but quota insufficient
task created successfully; billing record not created: insufficient balance
""".strip().splitlines()
LATER_STEPS = """
query task failed: Invalid API key
poll error: Incorrect API key provided
upload failed: access key invalid
结果转存失败：密钥无效
下载视频失败: Access token expired
查询任务失败：无效的令牌
transcode failed: insufficient balance
去水印失败：积分不足
计费失败：余额不足
insufficient balance, trying next channel
余额不足，已使用备用渠道
""".strip().splitlines()
DENIALS = """
no content policy violation was found; internal error
your prompt was not flagged, the worker crashed
无违规内容,服务异常
your account has not been disabled
账户余额充足,但系统异常
""".strip().splitlines()
AROUND_A_PROMPT = """
生成{}失败
生成{}的视频失败
用户输入{}，处理异常
视频内容{}
请求内容 {}
failed for prompt {}
the prompt {} could not be rendered
task {} failed
job for {} failed
{}: generation failed
{} (failed)
<{}> failed
video **{}**
user message: {}
提示：{}
""".strip().splitlines()
PROMPTS_OF_JSON = [
    'failed: {"title":"Access Denied","shots":[1]}',
    'text: {"code":"invalid_api_key"}',
    '内容：{"code":"invalid_api_key"}',
    'scene={"error":{"message":"insufficient balance"}}',
    'query={"error":{"code":"insufficient_quota"}}',
    'request {"error":{"code":"insufficient_quota"}} failed',
    'failed: {"prompt":"a shop","error":{"code":"invalid_api_key"}}',
    'failed: {"scene":"a shop","message":"insufficient balance"}',
]
ONE_OF_SEVERAL = [
    {"errors": [{"message": "insufficient balance"}, {"message": "internal error"}]},
    {"error": {"message": "insufficient balance; retried on channel 7: internal error"}},
    {"code": "internal_error", "message": "?", "detail": "Insufficient balance on first channel"},
]
NOT_EVEN_A_FAILURE = [
    {"success": True, "message": "insufficient balance"},
    {"code": 0, "error": {"code": "insufficient_quota", "message": "insufficient balance"}},
    {"code": 200, "message": "无效的令牌"},
    {"code": "success", "message": "your prompt was flagged by our moderation system", "data": None},
]
STILL_PLAIN = {
    "insufficient balance": Reason.BALANCE,
    "余额不足": Reason.BALANCE,
    "upstream error: Your credit balance is too low": Reason.BALANCE,
    "You exceeded your current quota, please check your plan and billing details": Reason.BALANCE,
    "预扣费额度失败, 用户剩余额度: ＄0.10, 需要预扣费额度: ＄1.20": Reason.BALANCE,
    "该令牌已过期": Reason.AUTH,
    "Invalid API key": Reason.AUTH,
    "Your prompt was flagged by our moderation system": Reason.REFUSED,
    "内容审核未通过": Reason.REFUSED,
}


def reason_of(adapter: Any, document: Any, status: int) -> Reason | None:
    """Why a create failed, or None where it was accepted."""
    read = read_submit(adapter, HttpResponse(status, {}, orjson.dumps(document)))
    return read.reason if isinstance(read, Failure) else None


def error(message: str) -> Any:
    return {"error": {"message": message}}


@pytest.mark.parametrize("status", PROVE_NOTHING)
@pytest.mark.parametrize("message", [*OWN_TROUBLE, *LATER_STEPS, *DENIALS, *LOST_AT_A_4XX, *COPIES])
@DIALECTS
def test_an_upstreams_own_trouble_is_ambiguous(adapter: Any, message: str, status: int) -> None:
    for document in (error(message), {"code": "fail", "message": message}, {"error": message}):
        assert reason_of(adapter, document, status) is Reason.AMBIGUOUS


@pytest.mark.parametrize("status", PROVE_NOTHING)
@pytest.mark.parametrize("code", CODES_OF_OWN_TROUBLE)
@DIALECTS
def test_a_code_of_an_upstreams_own_trouble_is_ambiguous(adapter: Any, code: str, status: int) -> None:
    assert reason_of(adapter, {"error": {"code": code, "message": "oops"}}, status) is Reason.AMBIGUOUS


@pytest.mark.parametrize("status", REFUSALS)
@pytest.mark.parametrize("message", [*LOST_AT_A_4XX, *COPIES])
@DIALECTS
def test_a_4xx_that_lost_the_answer_or_knows_a_copy_is_ambiguous(adapter: Any, message: str, status: int) -> None:
    for document in (error(message), {"error": {"message": message, "code": "fail_to_fetch_task"}}):
        assert reason_of(adapter, document, status) is Reason.AMBIGUOUS


@pytest.mark.parametrize("status", [*PROVE_NOTHING, *REFUSALS])
@pytest.mark.parametrize("message", TAKEN_ON)
@DIALECTS
def test_a_job_taken_on_is_ambiguous_whatever_stands_beside_it(adapter: Any, message: str, status: int) -> None:
    beside = ({"error": {"code": code, "message": message}} for code in ("insufficient_quota", "content_filter"))
    for document in (error(message), {"message": "insufficient balance", "detail": message}, *beside):
        assert reason_of(adapter, document, status) is Reason.AMBIGUOUS


@pytest.mark.parametrize("status", [402, 403, 500])
@pytest.mark.parametrize("field", ["data", "result", "info", "note"])
@DIALECTS
def test_a_job_taken_on_is_read_in_plain_text_beside_an_error(adapter: Any, field: str, status: int) -> None:
    for text in ("task created successfully", "任务创建成功"):
        assert reason_of(adapter, {**error("insufficient balance"), field: text}, status) is Reason.AMBIGUOUS


@pytest.mark.parametrize("prompt", ["余额不足", "insufficient balance"])
@pytest.mark.parametrize("around", AROUND_A_PROMPT)
@DIALECTS
def test_a_prompt_that_reads_like_a_statement_is_ambiguous(adapter: Any, around: str, prompt: str) -> None:
    for status in PROVE_NOTHING:
        assert reason_of(adapter, error(around.format(prompt)), status) is Reason.AMBIGUOUS


@pytest.mark.parametrize("status", PROVE_NOTHING)
@pytest.mark.parametrize("message", PROMPTS_OF_JSON)
@DIALECTS
def test_a_prompt_of_json_is_no_evidence(adapter: Any, message: str, status: int) -> None:
    assert reason_of(adapter, error(message), status) is Reason.AMBIGUOUS


@pytest.mark.parametrize("status", PROVE_NOTHING)
@pytest.mark.parametrize("document", ONE_OF_SEVERAL)
@DIALECTS
def test_one_of_several_channels_does_not_speak_for_all(adapter: Any, document: Any, status: int) -> None:
    assert reason_of(adapter, document, status) is Reason.AMBIGUOUS


@pytest.mark.parametrize("document", NOT_EVEN_A_FAILURE)
@DIALECTS
def test_a_complaint_in_an_envelope_of_success_is_ambiguous(adapter: Any, document: Any) -> None:
    assert reason_of(adapter, document, 200) is Reason.AMBIGUOUS


@pytest.mark.parametrize("status", PROVE_NOTHING)
@pytest.mark.parametrize("message", STILL_PLAIN)
@DIALECTS
def test_a_plain_statement_still_says_that_no_job_was_made(adapter: Any, message: str, status: int) -> None:
    assert reason_of(adapter, error(message), status) is STILL_PLAIN[message]


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("Session expired", Reason.AUTH),
        ("Login required", Reason.AUTH),
        ("insufficient balance", Reason.BALANCE),
        ('Bad Request: {"error":{"code":"content_policy_violation"}}', Reason.REFUSED),
        ('create task: {"error":{"message":"flagged by moderation"},"model":"m"}', Reason.REFUSED),
        ("上传的图片渲染中存在违规内容", Reason.REFUSED),
        ("违规内容，已自动拦截生成", Reason.REFUSED),
        ("video 2 submitted contains violence", Reason.REFUSED),
        ("余额不足，未能进入队列", Reason.BALANCE),
        ("开始生成前请先充值", Reason.BALANCE),
        ("您有正在生成的任务过多，请稍后再试", Reason.RATE_LIMITED),
    ],
)
@DIALECTS
def test_a_4xx_is_read_by_its_words_as_before(adapter: Any, message: str, reason: Reason) -> None:
    assert reason_of(adapter, error(message), 400) is reason


@pytest.mark.parametrize(
    "error",
    [
        {"code": "service_error", "message": "internal server error"},
        {"code": "server_error", "message": "The server had an error while processing your request."},
        {"code": "generation_failed_no_content", "message": "generation failed"},
    ],
)
def test_a_breakdown_known_by_code_and_by_words_is_recognised(error: Any) -> None:
    response = HttpResponse(500, {}, b"")
    assert refused_submit(response, {"error": error}).recognised
    assert failed_job(HttpResponse(200, {}, b""), {"id": "v", "status": "failed", "error": error}, 0).recognised
    assert not refused_submit(response, {"error": {**error, "message": "the penguins are on strike"}}).recognised
