"""The OpenAI Videos dialect, as its API description (openai-openapi, 2026-08) and observed errors have it."""

import random
from collections.abc import Mapping

from aiohttp import web

from providers.canonical import Size, Stage
from providers.sandbox.clips import HD_SIZES, STANDARD_SIZES
from providers.sandbox.life import Status
from providers.sandbox.prices import PriceList
from providers.sandbox.upstream import Order, SandboxJob, Upstream
from providers.sandbox.wire import (
    PROMPT_LIMIT,
    RESET,
    Answer,
    Json,
    RefusedError,
    Trouble,
    is_image_link,
    read_json,
)

_SIZES = tuple(str(size) for size in (*STANDARD_SIZES, *HD_SIZES))
_LINK_LIFE_S = 3600
METADATA_LIMIT = 16
_INVALID = "invalid_request_error"
_MODERATED = "moderation_blocked"

_JOB_ERRORS: Mapping[Stage, tuple[str, str]] = {
    Stage.IMAGE_REVIEW: (
        _MODERATED,
        "The request is blocked by our moderation system when checking inputs. "
        "Possible reasons: people-in-user-uploads",
    ),
    Stage.PROMPT_REVIEW: (
        _MODERATED,
        "The request is blocked by our moderation system when checking inputs. Possible reasons: violence",
    ),
    Stage.OUTPUT_REVIEW: (_MODERATED, "Your request was blocked by our moderation system."),
    Stage.GENERATE: ("server_error", "The server had an error while processing your request."),
}

_TROUBLES: Mapping[Trouble, tuple[int, str, str | None, str]] = {
    Trouble.BAD_KEY: (401, _INVALID, "invalid_api_key", "Incorrect API key provided."),
    Trouble.BALANCE: (
        429,
        "insufficient_quota",
        "insufficient_quota",
        "You exceeded your current quota, please check your plan and billing details.",
    ),
    Trouble.RATE_LIMITED: (429, "requests", "rate_limit_exceeded", "Rate limit reached for requests."),
    Trouble.INTERNAL: (500, "server_error", None, "The server had an error while processing your request. Sorry!"),
    Trouble.BAD_GATEWAY: (502, "server_error", "bad_gateway", "Bad gateway."),
    Trouble.OVERLOADED: (503, "server_error", None, "The engine is currently overloaded, please try again later."),
    Trouble.LOST: (503, "server_error", None, RESET),
    Trouble.ERROR_IN_200: (200, "server_error", "server_error", "No available accounts"),
    Trouble.IMAGE_REVIEW: (
        400,
        _INVALID,
        _MODERATED,
        "We currently do not support uploads of images containing photorealistic people",
    ),
    Trouble.PROMPT_REVIEW: (
        400,
        _INVALID,
        "sentinel_block",
        "Hmmm something didn't look right with your request. Please try again later or visit "
        "https://help.openai.com if this issue persists.",
    ),
    Trouble.UNKNOWN_JOB: (404, _INVALID, "not_found", "Video not found."),
    Trouble.UNKNOWN_MODEL: (400, _INVALID, "model_not_found", "The model does not exist or you do not have access."),
    Trouble.UNREADABLE: (400, _INVALID, None, "We could not parse the body of your request."),
    Trouble.TOO_LARGE: (413, _INVALID, None, "Maximum content size limit exceeded."),
}


async def read_order(request: web.Request, prices: PriceList) -> Order:
    """Read a JSON or multipart create; every field but the prompt has a default."""
    if request.content_type == "application/json":
        fields = await read_json(request, trouble)
    else:
        fields = await _form_fields(request)
    prompt, model = _text(fields, "prompt"), _text(fields, "model", "sora-2")
    if not 1 <= len(prompt) <= PROMPT_LIMIT:
        raise _invalid("prompt", f"Expected a string of 1 to {PROMPT_LIMIT} characters.")
    if model not in prices.models():
        raise RefusedError(trouble(Trouble.UNKNOWN_MODEL, model))
    seconds, offered = _text(fields, "seconds", "4"), tuple(str(x) for x in prices.seconds_of(model))
    if seconds not in offered:
        raise _invalid("seconds", _not_one_of(seconds, offered))
    size = _text(fields, "size", "720x1280")
    bill = prices.bill_microusd(model, int(seconds), Size.parse(size)) if size in _SIZES else None
    if bill is None:
        sold = tuple(x for x in _SIZES if prices.bill_microusd(model, int(seconds), Size.parse(x)) is not None)
        raise _invalid("size", _not_one_of(size, sold))
    return Order(prompt, model, int(seconds), Size.parse(size), _count_images(fields), bill, _metadata(fields))


async def _form_fields(request: web.Request) -> Json:
    if request.content_type not in ("multipart/form-data", "application/x-www-form-urlencoded"):
        raise RefusedError(Answer(415, _envelope(f"Unsupported content type: {request.content_type}", _INVALID)))
    try:
        form = await request.post()
    except ValueError:
        raise RefusedError(trouble(Trouble.UNREADABLE)) from None
    fields: Json = {name: value for name, value in form.items() if not name.endswith("]")}
    for name in ("input_reference", "metadata"):
        members = {key[len(name) + 1 : -1]: form[key] for key in form if key.startswith(f"{name}[")}
        if members:
            fields[name] = members
    return fields


def _metadata(fields: Json) -> Mapping[str, str]:
    metadata = fields.get("metadata") or {}
    if not isinstance(metadata, dict) or len(metadata) > METADATA_LIMIT:
        raise _invalid("metadata", f"Expected an object of at most {METADATA_LIMIT} strings.")
    return {name: _text(metadata, name) for name in metadata}


def _count_images(fields: Json) -> int:
    reference = fields.get("input_reference")
    match reference:
        case None:
            return 0
        case web.FileField():
            if not _is_picture(reference.file.read(16)):
                raise _invalid("input_reference", "Expected an image of type image/jpeg, image/png or image/webp.")
            return 1
        case {"image_url": url} if len(reference) == 1 and is_image_link(url):
            return 1
        case _:
            raise _invalid("input_reference", "Expected a file, or an object with exactly one of image_url, file_id.")


def _is_picture(head: bytes) -> bool:
    png_or_jpeg = head.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"))
    return png_or_jpeg or (head.startswith(b"RIFF") and head[8:12] == b"WEBP")


def _text(fields: Json, name: str, default: str = "") -> str:
    value = fields.get(name, default)
    if not isinstance(value, str):
        raise _invalid(name, f"Invalid type for '{name}': expected a string, but got another type instead.")
    return value


def _not_one_of(value: str, accepted: tuple[str, ...]) -> str:
    return f"Invalid value: '{value[:100]}'. Supported values are: {', '.join(repr(x) for x in accepted)}."


def _invalid(param: str, message: str) -> RefusedError:
    return RefusedError(Answer(400, _envelope(message, _INVALID, "invalid_value", param)))


def make_id(rng: random.Random, _order: Order) -> str:
    """`video_` and 48 hex digits."""
    return f"video_{rng.getrandbits(192):048x}"


def accepted(upstream: Upstream, job: SandboxJob) -> Answer:
    """The job as it is right after its create."""
    return polled(upstream, job)


def polled(upstream: Upstream, job: SandboxJob) -> Answer:
    """The job as it is now."""
    return Answer(200, document(upstream, job))


def document(upstream: Upstream, job: SandboxJob, late_s: float = 0.0) -> Json:
    """The Video object. A job ready before it says so names its link in `metadata`, as relays on this dialect do."""
    now, habits = upstream.moment(job, late_s), upstream.terms.habits
    completed_at = int(upstream.ended_at(job)) if now.status is Status.COMPLETED else None
    video: Json = {
        "id": job.id,
        "object": "video",
        "model": job.order.model,
        "status": str(now.status),
        "progress": now.progress,
        "created_at": int(job.accepted_at),
        "size": str(job.order.size),
        "seconds": str(job.order.seconds),
        "quality": "standard",
        "completed_at": completed_at,
        "expires_at": completed_at + _LINK_LIFE_S if completed_at is not None else None,
        "error": None,
        "prompt": job.order.prompt if habits.echoes_prompt else None,
        "remixed_from_video_id": None,
    }
    if now.failed_stage is not None:
        code, message = _JOB_ERRORS[now.failed_stage]
        if job.fate.words is not None:
            code, message = job.fate.code or "", job.fate.words
        video["error"] = {"code": code, "message": message}
    metadata = dict(job.order.metadata) if habits.keeps_metadata else {}
    if now.progress < 100 and not late_s and (link := upstream.link(job)) is not None:
        metadata["url"] = link
    return video | ({"metadata": metadata} if metadata else {})


def trouble(trouble: Trouble, detail: str = "") -> Answer:
    """An error in the OpenAI envelope."""
    status, kind, code, message = _TROUBLES[trouble]
    return Answer(status, _envelope(f"{message} ({detail})" if detail else message, kind, code))


def _envelope(message: str, kind: str, code: str | None = None, param: str | None = None) -> Json:
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}
