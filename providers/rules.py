"""The words upstreams complain with, and what each says of where and why.

What may be called a refusal of a *submit* decides about money, so a word enters the table only from a document, a
source file or a recorded answer. First come the reviews, the most specific first.
"""

import re
from dataclasses import dataclass

from providers.canonical import Reason, Stage


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: codes match whole, phrases anywhere in a code or message, openings where a message begins; in any case.

    Only codes and openings speak in an answer whose status is no refusal: its words may be the caller's prompt echoed.
    Without a `stage` it happened where it was told: at the submit, in the poll, in generation, or in the review that
    `providers.classification` finds most likely.
    """

    reason: Reason
    stage: Stage | None = None
    codes: frozenset[str] = frozenset()
    phrases: tuple[str, ...] = ()
    openings: tuple[re.Pattern[str], ...] = ()

    def opens(self, message: str) -> bool:
        """Whether a message begins as one of the openings."""
        return any(opening.match(message) for opening in self.openings)


def rule(
    reason: Reason,
    stage: Stage | None = None,
    *,
    codes: str = "",
    phrases: tuple[str, ...] = (),
    openings: tuple[str, ...] = (),
) -> Rule:
    """Make a row; `codes` are apart by white space, `openings` are regular expressions.

    An opening belongs here only if it is documented of 5xx or 2xx answers that say no job was made.
    """
    return Rule(
        reason,
        stage,
        frozenset(codes.casefold().split()),
        tuple(phrase.casefold() for phrase in phrases),
        tuple(re.compile(opening, re.IGNORECASE) for opening in openings),
    )


RULES: tuple[Rule, ...] = (
    rule(
        Reason.REFUSED,
        Stage.IMAGE_REVIEW,
        codes="image_unsafe people-in-user-uploads rh_reference_rejected public_error_ip_input_image",
        phrases=(
            "people-in-user-uploads",
            "uploads of images containing",
            "图片包含真人",
            "InputImageSensitiveContentDetected",
            "SAFETY.INPUT.IMAGE",
        ),
    ),
    rule(
        Reason.REFUSED,
        Stage.OUTPUT_REVIEW,
        codes="video_unsafe rh_output_rejected public_error_unsafe_generation public_error_audio_filtered",
        phrases=(
            "OutputVideoSensitiveContentDetected",
            "output video may contain sensitive",
            "SAFETY.OUTPUT",
            "CreationPolicyViolation",
            "PUBLIC_ERROR_UNSAFE_GENERATION",
        ),
    ),
    rule(
        Reason.REFUSED,
        Stage.PROMPT_REVIEW,
        codes="sentinel_block sensitive_words_detected prompt_blocked prompt_unsafe rh_prompt_rejected",
        phrases=(
            "when checking inputs",
            "similarity to third-party content",
            "didn't look right with your request",
            "sensitive_words_detected",
            "敏感词",
            "InputTextSensitiveContentDetected",
            "InputTextRiskDetection",
            "SAFETY.INPUT.TEXT",
            "AuditSubmitIllegal",
        ),
    ),
    rule(
        Reason.REFUSED,
        codes="moderation_blocked content_policy_violation content_filter datainspectionfailed",
        phrases=(
            "moderation_blocked",
            "moderation system",
            "content_policy_violation",
            "content policy",
            "violate our guardrails",
            "内容审核",
            "审核未通过",
            "检测到真人",
            "违规",
            "DataInspectionFailed",
            "risk control system",
        ),
    ),
    rule(
        Reason.BALANCE,
        codes="""insufficient_user_quota pre_consume_token_quota_failed insufficient_quota insufficient_credits
            billing_hard_limit_reached arrearage creditinsufficient""",
        phrases=(
            "额度已用尽",
            "额度不足",
            "余额不足",
            "预扣费额度失败",
            "TokenStatusExhausted",
            "insufficient_user_quota",
            "insufficient_quota",
            "insufficient quota",
            "insufficient credit",
            "insufficient balance",
            "exceeded your current quota",
            "billing hard limit",
            "exhausted balance",
        ),
    ),
    rule(
        Reason.AUTH,
        codes="invalid_api_key invalidapikey authentication_error",
        phrases=(
            "无效的令牌",
            "令牌不合法",
            "未提供令牌",
            "令牌已过期",
            "令牌状态不可用",
            "无权访问",
            "无权使用",
            "incorrect api key",
            "invalid api key",
            "must be verified",
        ),
    ),
    # The relay had sent the create on when it lost its own answer: the job may exist, whatever the status says.
    rule(
        Reason.AMBIGUOUS,
        codes="""do_request_failed read_response_body_failed unmarshal_response_body_failed
            channel:response_time_exceeded generation_timeout request_timeout""",
        phrases=(
            "timed out",
            "deadline exceeded",
            "response_time_exceeded",
            "connection reset",
            "unexpected eof",
            # Go's net/http and what is written in it
            "context canceled",
            "context cancelled",
            "i/o timeout",
            "broken pipe",
            "client disconnected",
            # nginx, also about its 499, and Envoy
            "bad gateway",
            "gateway timeout",
            "gateway time-out",
            "client closed",
            "upstream connect error",
            "reset before headers",
            "upstream request timeout",
        ),
    ),
    # The openings are new-api's zh-CN.yaml and en.yaml (HTTP 503, forks 500 or 200), a grok relay's 500, OpenAI's 503.
    rule(
        Reason.OVERLOADED,
        codes="channel:no_available_key",
        phrases=(
            "无可用渠道",
            "可用渠道失败",
            "no available account",
            "no available channel",
            "no_available_key",
            "engine is currently overloaded",
        ),
        openings=(
            "分组.{1,300}?无可用渠道",
            "获取分组.{1,300}?可用渠道失败",
            "no available channel for model ",
            "failed to get available channels? for model ",
            r"no available accounts?\b",
            "the engine is currently overloaded",
        ),
    ),
    # New-api rewrites the text of every 429 to the first phrase, so it comes after whatever the code says.
    rule(
        Reason.RATE_LIMITED,
        codes="""rate_limit_exceeded rate_limit_error too_many_requests token_concurrency_limit_reached
            resource_exhausted""",
        phrases=(
            "负载已饱和",
            "请求数限制",
            "rate limit",
            "too many requests",
            "too many running tasks",
            "parallel task over resource pack limit",
            "Throttling.",
            "upstream load is saturated",
        ),
        openings=("当前分组上游负载已饱和", "current group upstream load is saturated"),  # new-api, also as 500 and 502
    ),
    rule(
        Reason.INVALID,
        codes="""invalid_parameter invalid_parameters invalidparameter invalid_value invalid_model_for_duration
            invalid_model_for_size image_dimension_mismatch""",
        phrases=(
            "is required for sora",
            "seconds must be one of",
            "requires an input image",
            "images must contain exactly one",
            "image url could not be fetched",
            "asset upload returned",
            "inpaint image must match",
        ),
    ),
)
