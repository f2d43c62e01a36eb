"""What both relay dialects share: the checks of a one-api descendant, and its two error shapes."""

from collections.abc import Mapping

import orjson

from providers.canonical import Size
from providers.sandbox.prices import PriceList
from providers.sandbox.upstream import Order
from providers.sandbox.wire import PROMPT_LIMIT, RESET, Answer, Json, RefusedError, Trouble, is_image_link

IMAGES_LIMIT = 10
SATURATED = "当前分组上游负载已饱和，请稍后再试"

_FLAT: Mapping[Trouble, tuple[int, str, str]] = {
    Trouble.RATE_LIMITED: (429, "rate_limit_exceeded", SATURATED),
    Trouble.INTERNAL: (500, "service_error", "internal server error"),
    Trouble.BAD_GATEWAY: (502, "bad_response_status_code", "bad response status code 502"),
    Trouble.ERROR_IN_200: (200, "service_error", "No available accounts"),
    Trouble.PROMPT_REVIEW: (400, "sensitive_words_detected", "内容审核未通过：提示词包含违规内容"),
    Trouble.UNKNOWN_JOB: (400, "task_not_exist", "task_not_exist"),
    Trouble.UNREADABLE: (400, "invalid_request", "invalid request body"),
    Trouble.TOO_LARGE: (413, "read_request_body_failed", "request body too large"),
}

_ENVELOPED: Mapping[Trouble, tuple[int, str, str]] = {
    Trouble.BAD_KEY: (401, "invalid_request", "令牌不合法"),
    Trouble.BALANCE: (403, "insufficient_user_quota", "用户额度不足, 剩余额度: ＄0.000000"),
    Trouble.OVERLOADED: (503, "model_not_found", "分组 default 下模型 {detail} 无可用渠道（distributor）"),
    Trouble.LOST: (503, "upstream_error", RESET),
    Trouble.UNKNOWN_MODEL: (503, "model_not_found", "分组 default 下模型 {detail} 无可用渠道（distributor）"),
}


def flat(status: int, code: str, message: str) -> Answer:
    """The flat TaskError of task routes."""
    return Answer(status, {"code": code, "message": message, "data": None})


def envelope(status: int, code: str, message: str) -> Answer:
    """The chat-style error envelope of the relay's own middleware."""
    error = {"message": f"{message} (request id: B20261122)", "type": "new_api_error", "param": "", "code": code}
    return Answer(status, {"error": error})


def trouble(trouble: Trouble, detail: str = "") -> Answer:
    """The relays' common words; an image refusal is the upstream's error packed into a string."""
    if trouble is Trouble.IMAGE_REVIEW:
        inner = {"error": {"message": "内容审核未通过：检测到真人形象", "type": "invalid_request_error"}}
        return flat(400, "fail_to_fetch_task", orjson.dumps(inner).decode("utf-8"))
    if trouble in _ENVELOPED:
        status, code, message = _ENVELOPED[trouble]
        return envelope(status, code, message.format(detail=detail or "sora-2"))
    status, code, message = _FLAT[trouble]
    return flat(status, code, f"{message}: {detail}" if detail else message)


def invalid(message: str, code: str = "invalid_parameter") -> RefusedError:
    """A refusal of one parameter, in a relay's words."""
    return RefusedError(flat(400, code, message))


def text(fields: Json, name: str) -> str:
    """A field that must be a non-empty string."""
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise invalid(f"{name} is required")
    if len(value) > PROMPT_LIMIT:
        raise invalid(f"{name} is too long")
    return value


def one_of(fields: Json, name: str, accepted: tuple[str, ...]) -> str:
    """A field that must be one of these strings."""
    value = text(fields, name)
    if value not in accepted:
        raise invalid(f"{name} must be one of {', '.join(accepted)}")
    return value


def flag(fields: Json, name: str, default: bool) -> bool:
    """A field that must be a boolean when it is given."""
    value = fields.get(name, default)
    if not isinstance(value, bool):
        raise invalid(f"{name} must be a boolean")
    return value


def count_images(fields: Json) -> int:
    """How many input images there are; they must be a list of URLs or data URLs."""
    images = fields.get("images", [])
    if not isinstance(images, list) or len(images) > IMAGES_LIMIT:
        raise invalid(f"images must be a list of at most {IMAGES_LIMIT} URLs")
    if not all(is_image_link(image) for image in images):
        raise invalid("images must be URLs or base64 data URLs")
    return len(images)


def priced_order(fields: Json, prices: PriceList, seconds: int, size: Size) -> Order:
    """The order, if it is on sale; refused as the relay refuses it otherwise."""
    prompt, model = text(fields, "prompt"), text(fields, "model")
    if model not in prices.models():
        raise RefusedError(trouble(Trouble.UNKNOWN_MODEL, model))
    offered = prices.seconds_of(model)
    if seconds not in offered:
        raise invalid(f"seconds must be one of {', '.join(map(str, offered))}", "invalid_model_for_duration")
    bill = prices.bill_microusd(model, seconds, size)
    if bill is None:
        raise invalid(f"参数 'size' 无效：{model} 不支持 {size}", "invalid_model_for_size")
    return Order(prompt, model, seconds, size, count_images(fields), bill)
