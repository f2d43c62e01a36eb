"""The unified video format of relays: `POST /v1/video/create`, `GET /v1/video/query?id=`.

Its create answers in two recorded shapes by turns, its query in five; every job keeps the shape it began with.
"""

import random
from collections.abc import Callable

import orjson
from aiohttp import web

from providers.canonical import Size, Stage
from providers.sandbox import relay
from providers.sandbox.life import Moment, Status
from providers.sandbox.prices import PriceList
from providers.sandbox.upstream import Order, SandboxJob, Upstream
from providers.sandbox.wire import Answer, Json, read_json

trouble = relay.trouble
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_FAILURES = {
    Stage.IMAGE_REVIEW: "内容审核未通过：图片包含真人",
    Stage.PROMPT_REVIEW: "内容审核未通过：提示词包含违规内容",
    Stage.OUTPUT_REVIEW: "内容审核未通过：This content may violate our guardrails",
    Stage.GENERATE: "generation_failed_no_content",
}


async def read_order(request: web.Request, prices: PriceList) -> Order:
    """Read a create: `images` must be there even when empty, `duration` is a number or a string of digits."""
    fields = await read_json(request, trouble)
    if "images" not in fields:
        raise relay.invalid("images is required")
    orientation = relay.one_of(fields, "orientation", ("portrait", "landscape"))
    if "size" not in fields:
        raise relay.invalid(f"size is required for {relay.text(fields, 'model')}")
    tier = relay.one_of(fields, "size", ("small", "large"))
    relay.flag(fields, "watermark", default=True)
    relay.flag(fields, "private", default=False)
    sides = {"small": (720, 1280), "large": (1024, 1792)}[tier]
    size = Size(*sides) if orientation == "portrait" else Size(*reversed(sides))
    return relay.priced_order(fields, prices, _duration(fields), size)


def _duration(fields: Json) -> int:
    duration = fields.get("duration", 10)
    if isinstance(duration, str) and duration.isdecimal() and len(duration) <= 3:
        return int(duration)
    if isinstance(duration, bool) or not isinstance(duration, int):
        raise relay.invalid("duration must be a number")
    return duration


def make_id(rng: random.Random, order: Order) -> str:
    """An id with its model in front of a colon."""
    return f"{order.model}:task_01k{''.join(rng.choices(_ALPHABET, k=23))}"


def accepted(_upstream: Upstream, job: SandboxJob) -> Answer:
    """The status shape and the chat-completion shape by turns."""
    if job.number % 2 == 0:
        return Answer(200, {"id": job.id, "status": "pending", "status_update_time": int(job.accepted_at * 1000)})
    message = {"role": "assistant", "content": "视频生成中，可通过ID查询进度"}
    body = {
        "id": job.id,
        "object": "video.create",
        "created": int(job.accepted_at),
        "choices": [{"index": 0, "message": message, "finish_reason": "processing"}],
        "usage": {"prompt_tokens": 50, "completion_tokens": 0, "total_tokens": 50},
    }
    return Answer(200, body)


def polled(upstream: Upstream, job: SandboxJob) -> Answer:
    """The job in the query shape that its number has."""
    shape = _SHAPES[job.number % len(_SHAPES)]
    now = upstream.moment(job)
    return Answer(200, shape(upstream, job, now, upstream.link(job)))


def _word(now: Moment, queued: str, running: str, completed: str) -> str:
    match now.status:
        case Status.QUEUED:
            return queued
        case Status.IN_PROGRESS:
            return running
        case Status.COMPLETED:
            return completed
        case Status.FAILED:
            return "failed"
        case Status.CANCELLED:
            return "cancelled"


def _failure(job: SandboxJob, now: Moment) -> str | None:
    if now.failed_stage is None:
        return None
    return _FAILURES[now.failed_stage] if job.fate.words is None else job.fate.words


def _error(job: SandboxJob, failure: str) -> Json:
    return {"code": job.fate.code or "task_failed", "message": failure}


def _update_time_s(upstream: Upstream, job: SandboxJob) -> float:
    return min(upstream.clock(), upstream.ended_at(job))


def _with_string_progress(upstream: Upstream, job: SandboxJob, now: Moment, link: str | None) -> Json:
    given = {"prompt": job.order.prompt[:200], "model": job.order.model, "images": []}
    body: Json = {
        "id": job.id,
        "object": "video",
        "model": job.order.model,
        "status": _word(now, "pending", "processing", "completed"),
        "progress": str(now.progress),
        "created_at": int(job.accepted_at),
        "size": "large" if max(job.order.size.width, job.order.size.height) > 1280 else "small",
        "status_update_time": int(_update_time_s(upstream, job) * 1000),
        "detail": {"input": given},
    }
    if link is not None:
        body["video_url"] = link
    if (failure := _failure(job, now)) is not None:
        body["error"] = _error(job, failure)
    return body


def _without_progress(upstream: Upstream, job: SandboxJob, now: Moment, link: str | None) -> Json:
    """Progress is in the words alone, and the link comes in backticks."""
    running = "video_generating" if now.progress < 50 else "video_generation_completed"
    body: Json = {
        "id": job.id,
        "status": _word(now, "pending", running, "completed"),
        "video_url": f" `{link}` " if link is not None else None,
        "enhanced_prompt": "",
        "status_update_time": int(_update_time_s(upstream, job) * 1000),
    }
    if (failure := _failure(job, now)) is not None:
        body["error"] = failure
        body["progress"] = now.progress
    return body


def _passed_through(_upstream: Upstream, job: SandboxJob, now: Moment, link: str | None) -> Json:
    """The website's own task object, wrapped."""
    bare_id = job.id.partition(":")[2]
    pending: Json = {
        "id": bare_id,
        "type": "video_gen",
        "status": _word(now, "queued", "processing", "succeeded"),
        "progress_pct": now.progress / 100,
        "n_frames": job.order.seconds * 30,
        "generations": [],
    }
    detail: Json = {
        "id": bare_id,
        "status": _word(now, "pending", "processing", "completed"),
        "input": {"images": [], "prompt": job.order.prompt[:200]},
        "pending_info": pending,
    }
    if link is not None:
        detail["url"] = link
        detail["draft_info"] = {"downloadable_url": link}
    if (failure := _failure(job, now)) is not None:
        detail["fail_reason"] = orjson.dumps({"message": failure}).decode("utf-8")
        return {"id": job.id, "detail": detail, "fail_reason": detail["fail_reason"]}
    return {"id": job.id, "detail": detail}


def _with_seconds(upstream: Upstream, job: SandboxJob, now: Moment, link: str | None) -> Json:
    body: Json = {
        "id": job.id,
        "status": _word(now, "queued", "processing", "succeeded"),
        "video_url": link,
        "status_update_time": int(_update_time_s(upstream, job)),
        "progress": now.progress,
    }
    if (failure := _failure(job, now)) is not None:
        body["error"] = _error(job, failure)
    return body


def _without_prefix(upstream: Upstream, job: SandboxJob, now: Moment, link: str | None) -> Json:
    """The id lacks its prefix, progress is absent while all is well, and success is called `success`."""
    body: Json = {
        "id": job.id.partition(":")[2],
        "status": _word(now, "submitted", "generating", "success"),
        "video_url": link,
        "enhanced_prompt": "",
        "status_update_time": int(_update_time_s(upstream, job) * 1000),
    }
    if now.ready and now.progress < 100:
        body["progress"] = f"{now.progress}%"
    if (failure := _failure(job, now)) is not None:
        body |= {"progress": f"{now.progress}%", "fail_reason": failure}
    return body


_SHAPES: tuple[Callable[[Upstream, SandboxJob, Moment, str | None], Json], ...] = (
    _with_string_progress,
    _without_progress,
    _passed_through,
    _with_seconds,
    _without_prefix,
)
