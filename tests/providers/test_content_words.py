"""The last resort: words of content that no row knows refuse, and what machines say of themselves does not."""

import orjson
import pytest

from providers import openai
from providers.adapter import HttpResponse
from providers.canonical import Accepted, Failure, Reason, Stage
from providers.classification import failed_job
from providers.reading import read_poll, read_submit
from providers.rules import RULES, rule

REVIEWS = {Stage.IMAGE_REVIEW, Stage.PROMPT_REVIEW, Stage.OUTPUT_REVIEW}
UNHEARD_REFUSALS = [
    "We won't create videos of this kind",
    "Please try describing something else",
    "The girl in the picture seems very young",
    "Gambling promotions are not offered",
    "This looks like a scam advertisement",
    "The description asks for medical advice",
    "The person shown did not agree to this",
    "Please keep it family friendly",
    "Sorry, Sora can't make this video. Try changing your description.",
    "Request declined: depicts a religious figure",
    "Similarity to existing works is too high",
    "Your words triggered our guard",
    "Prompt hit the blocklist",
    "A human reviewer stopped this video",
    "Please remove the name of the actor and retry",
    "Please reword",
    "Our classifier scored this prompt 0.97",
    "换一张图吧，这张过不了",
    "别画真人",
    "这个题材我们不做",
    "涉及宗教内容",
    "不能出现国旗",
    "太暴露了",
    "照片里的人没有授权",
    "平台不支持此类题材",
    "不支持生成该类内容",
    "用词不当",
    "成片没过审",
    "视频结果含品牌标识，已删除",
    "被系统判定为高危",
    "这段文字不能用来生成",
    "请文明创作",
    "Sorry, but that request isn't something I can create.",
    "We aren't able to generate this. Try a different concept.",
    "Uploading pictures of private people needs their permission",
    "Your description names a real company",
    "The clip was scrubbed after our reviewers looked at it",
    "Audio muted and result withdrawn: a known melody",
    "Let's pick a more wholesome subject",
    "Nope, that one's spicy",
    "Images of flags of this organisation are not rendered",
    "The input picture may show a passport or ID card",
    "Guard tripped",
    "Image not eligible for animation",
    "This character is not available for use",
    "political campaign content isn't supported",
    "Suspicious prompt: possible jailbreak",
    "bypassing filter words detected",
    "提示词有问题",
    "这张图不能用",
    "不可描述",
    "包含受保护的角色",
    "声音克隆不被允许",
    "被人工审核毙掉",
    "成品被审核扣下",
    "暴恐",
    "涉黑",
    "涉外",
    "You may not animate a stranger's portrait",
    "That actor's name is reserved",
    "Words not allowed: kill",
    "prohibited use",
    "生成的角色与某知名IP相似",
    "内容低俗",
    "请遵守社区公约",
    "模型拒绝生成",
    "有违公德",
    "抱歉，我不能帮你做这个",
]
OF_MACHINES = [
    "child process exited with code 137",
    "killed",
    "process killed by signal 9",
    "request blocked by firewall",
    "insert violates foreign key constraint",
    "prompt exceeds the character limit of 2000",
    "face detection model failed to load",
    "retry policy exhausted after 3 attempts",
    "过滤器异常",
    "审核服务超时",
    "风控系统异常",
    "safety checker failed to load weights",
    "moderation service returned 500",
    "content filter timed out",
    "could not load safety model",
    "minor version mismatch: 12.1",
    "brand new worker failed to start",
    "race condition detected",
    "fatal: bad object",
    "violates unique constraint",
    "out of disk space",
    "person detector crashed",
    "no face found in the reference image",
    "character encoding error",
    "IAM policy does not allow s3:PutObject",
    "CORS policy error",
    "bucket policy denies access",
    "blocked thread detected",
    "deadlock detected",
    "watchdog killed the job",
    "parent process died",
    "orphaned child task",
    "invalid character in name",
    "sensitive to case",
    "master node lost election",
    "leader election failed",
    "slave node out of sync",
    "heartbeat lost",
    "pod evicted: policy",
    "dead letter queue",
    "dropped frames",
    "abort trap",
    "execution halted",
    "graphic card error",
    "graphics driver crashed",
    "explicit null",
    "no such file or directory",
    "drawing context lost",
    "unable to create this resource",
    "unable to create the task record",
    "could not show progress",
    "image could not be decoded",
    "prompt too long",
    "something else went wrong",
    "race in scheduler",
    "memory violation at 0x00",
    "access violation reading location",
    "illegal instruction (core dumped)",
    "protocol violation",
    "segmentation violation",
    "SLA violation",
    "permission denied writing to /tmp",
    "poison pill in queue",
    "zombie process reaped",
    "drain node",
    "job was evicted",
    "preempted by higher priority job",
    "model refused to load",
    "connection refused",
    "worker refused the task",
    "rejected by load balancer",
    "request rejected: queue full",
    "thread pool rejected task",
    "ImageReviewService unavailable",
    "content delivery network error",
    "Moderation backend unreachable",
    "content-type not accepted",
    "file flagged as corrupt",
    "the uploaded clip is damaged",
    "text encoder failed",
    "prompt encoder OOM",
    "face restoration step failed",
    "face swap model crashed",
    "audio track missing",
    "voice synthesis failed",
    "character LoRA not found",
    "person segmentation failed",
    "pose estimation failed: no person detected",
    "NSFW checker crashed",
    "safety_checker is None",
    "审核队列积压",
    "内容审核服务不可用",
    "拦截器异常",
    "触发器执行失败",
    "命中缓存失败",
    "敏感词库加载失败",
    "人脸检测服务异常",
    "图片审核接口超时",
    "视频合成脚本异常",
    "子进程退出",
    "血统校验失败",
    "渲染节点掉线",
    "模型加载失败",
    "任务被杀死",
    "黑名单服务不可用",
    "风控接口调用失败",
    "安全组件异常",
    "显卡驱动崩溃",
    "图片尺寸不合适",
    "数据库连接被拒绝",
    "子任务失败",
    "词向量加载失败",
    "人物分割失败",
    "文本编码失败",
    "脚本执行失败",
    "视频转码被中断",
    "上传失败",
    "素材下载失败",
    "鉴黄服务超时",
    "机审超时",
    "Failed to spawn child",
    "the task was killed",
    "dead lock found when trying to get lock",
    "graph execution blocked",
    "abort: bloodhound agent missing",
    "race: unexpected state",
    "ffmpeg exited with status 1",
    "kill -9",
    "IllegalStateException: pipeline closed",
    "an illegal memory access was encountered in CUDA",
    "face index out of range",
    "response body could not be parsed",
    "theme file not found",
    "frame dropped by decoder",
    "song file missing",
    "safety margin exceeded",
    "safe mode enabled, jobs paused",
    "model in safe mode",
    "health check failed",
    "readiness check failed",
    "consistency check failed",
    "checksum mismatch",
    "content length mismatch",
    "content not found",
    "restricted shell",
    "operation not allowed on this node",
    "job rejected by cluster",
    "risk of data loss, aborting",
    "high risk of OOM",
    "trigger failed",
    "hit an assertion",
    "hit a bug",
    "hit the wall clock limit",
    "flagged for retry",
    "removed from queue",
    "filter graph failed",
    "audio filter not found",
    "无法生成缩略图",
    "无法生成视频文件",
    "不支持的编码格式",
    "文件被占用",
    "文件被删除",
    "画面尺寸错误",
    "人脸关键点提取失败",
    "生成脚本报错",
    "命中限流",
    "进程被系统杀死",
    "血缘关系错误",
    "敏感参数加密失败",
    "违反唯一约束",
    "非法字符",
    "审核任务丢失",
    "审核系统维护中",
    "image pull backoff",
    "container image rejected by registry",
    "subject alternative name mismatch",
    "nan in latents",
    "noise schedule mismatch",
    "text tokenizer failed",
    "scene detection failed",
    "content negotiation failed",
    "content encoding error",
    "poisoned cache",
    "toxic proxy",
    "kill switch active",
    "dead host",
    "zombie worker",
    "master election in progress",
    "access to bucket denied",
    "policy network diverged",
    "guard condition failed",
    "watchdog bite",
    "safety interlock open",
    "review app not deployed",
    "moderator job timed out",
    "filter chain broken",
    "剧情脚本解析失败",
    "水印添加失败",
    "死锁",
    "死循环",
    "违例",
    "违约",
    "内容分发失败",
    "风控中心连接失败",
    "安全连接失败",
    "禁用的指令",
    "非法状态",
    "规则引擎执行失败",
    "任务被管理员取消",
    "任务被抢占",
    "thread safety violation",
]
GENERIC_CODES = [
    "task_failed",
    "failed",
    "error",
    "unknown",
    "internal_error",
    "fail_to_fetch_task",
    "bad_response_status_code",
    "invalid_request",
    "upstream_error",
]


def ended(message: str, code: str = "task_failed", progress: int | None = None) -> Failure:
    job = {"id": "video_1", "object": "video", "status": "failed", "error": {"code": code, "message": message}}
    read = read_poll(openai, HttpResponse(200, {}, orjson.dumps({**job, "progress": progress})))
    assert isinstance(read, Failure)
    return read


def refused(message: str, status: int = 400, code: str = "bad_response_status_code") -> Failure:
    error = {"error": {"code": code, "message": message}}
    read = read_submit(openai, HttpResponse(status, {}, orjson.dumps(error)))
    assert not isinstance(read, Accepted)
    return read


@pytest.mark.parametrize("message", UNHEARD_REFUSALS)
def test_words_of_content_that_no_row_knows_refuse_and_are_counted_as_unknown(message: str) -> None:
    for failure in (ended(message), refused(message), refused(message, 403), refused(message, 429)):
        assert (failure.reason, failure.recognised) == (Reason.REFUSED, False)
        assert failure.stage in REVIEWS


@pytest.mark.parametrize("status", [401, 408, 409, 499])
@pytest.mark.parametrize("message", UNHEARD_REFUSALS[:5])
def test_a_status_that_speaks_of_keys_or_proves_nothing_is_not_overruled(message: str, status: int) -> None:
    assert refused(message, status).reason is (Reason.AUTH if status == 401 else Reason.AMBIGUOUS)


@pytest.mark.parametrize("message", OF_MACHINES)
def test_what_machines_say_of_themselves_refuses_nothing(message: str) -> None:
    for failure in (ended(message), refused(message)):
        assert failure.reason is not Reason.REFUSED
        assert failure.stage in {Stage.GENERATE, Stage.SUBMIT}


def test_what_any_row_knows_is_not_left_to_the_last_resort() -> None:
    assert ended("insufficient balance, videos of casinos cost more").reason is Reason.BALANCE
    assert ended("duration must be 4, 8 or 12 in scenes with a brand").reason is Reason.INVALID
    assert refused("the upstream timed out on a scene with a brand").reason is Reason.AMBIGUOUS


@pytest.mark.parametrize(
    ("message", "progress", "stage"),
    [
        ("we won't depict this", None, Stage.PROMPT_REVIEW),
        ("we won't depict this", 0, Stage.PROMPT_REVIEW),
        ("we won't depict this", 60, Stage.OUTPUT_REVIEW),
        ("we won't depict this", 100, Stage.PROMPT_REVIEW),
        ("the photo shows somebody who never consented", 60, Stage.IMAGE_REVIEW),
        ("blocked by our moderation system", 99, Stage.OUTPUT_REVIEW),
        ("blocked by our moderation system", 100, Stage.PROMPT_REVIEW),
        ("the generated video was blocked by our moderation system", 100, Stage.OUTPUT_REVIEW),
    ],
)
def test_a_failed_jobs_progress_of_100_says_nothing_of_how_far_it_was(
    message: str, progress: int | None, stage: Stage
) -> None:
    failure = ended(message, progress=progress)
    assert (failure.stage, failure.reason) == (stage, Reason.REFUSED)


@pytest.mark.parametrize("code", GENERIC_CODES)
def test_a_code_that_says_no_more_than_failed_makes_unknown_words_no_better_known(code: str) -> None:
    assert not ended("the penguins are on strike", code).recognised
    assert not refused("the penguins are on strike", code=code).recognised


def test_a_code_that_names_a_reason_or_stands_alone_is_known() -> None:
    assert ended("the penguins are on strike", "rate_limit_exceeded").recognised
    assert ended("", "task_failed").recognised


def test_a_dialects_row_may_end_a_job_for_a_reason_of_its_own_but_not_a_create() -> None:
    rules = (rule(Reason.OTHER, codes="studio_closed"), *RULES)
    job = {"status": "failed", "error": {"code": "studio_closed", "message": "everybody went home"}}
    failure = failed_job(HttpResponse(200, {}, orjson.dumps(job)), job, 10, rules)
    assert (failure.stage, failure.reason, failure.recognised) == (Stage.GENERATE, Reason.OTHER, True)
    speaker = openai.Speaker(rules=rules[:1])
    for status, reason in ((400, Reason.INVALID), (500, Reason.AMBIGUOUS)):
        read = read_submit(speaker, HttpResponse(status, {}, orjson.dumps({"error": job["error"]})))
        assert isinstance(read, Failure)
        assert read.reason is reason


def test_too_little_memory_is_load_at_a_create_and_a_crash_of_a_job() -> None:
    assert refused("insufficient GPU memory").reason is Reason.OVERLOADED
    assert ended("insufficient GPU memory").reason is Reason.INTERNAL
    assert ended("显存不足").reason is Reason.INTERNAL


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("balance: no available channel", Reason.OVERLOADED),
        ("You hit your request limit, read https://docs.example.test/content-policy", Reason.RATE_LIMITED),
        ("Something is off, read https://docs.example.test/content-policy", Reason.REFUSED),
        ("image download timeout", Reason.INVALID),
        ("图片下载超时", Reason.INVALID),
        ("upstream timed out while downloading the image", Reason.AMBIGUOUS),
        ("connection reset while sending the input image", Reason.AMBIGUOUS),
        ("bad response status code 502, body: error code: 502", Reason.AMBIGUOUS),
    ],
)
def test_a_create_is_read_by_what_its_words_say_of_what(message: str, reason: Reason) -> None:
    assert refused(message).reason is reason


def test_a_refusal_without_an_id_ends_the_job_that_was_asked_for() -> None:
    read = read_poll(openai, HttpResponse(200, {}, orjson.dumps({"status": "error", "message": "提示词违规"})))
    assert isinstance(read, Failure)
    assert (read.stage, read.reason) == (Stage.PROMPT_REVIEW, Reason.REFUSED)
