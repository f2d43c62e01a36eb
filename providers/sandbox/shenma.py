"""The `/v2/videos/generations` format of relays: string durations, upper-case statuses, progress as `NN%`.

Its result link comes in `data.output`, in `data.outputs` and in `fail_reason` by turns.
"""

import random
import uuid
from dataclasses import replace

import orjson
from aiohttp import web

from providers.canonical import Size, Stage
from providers.sandbox import relay
from providers.sandbox.hooks import is_loopback
from providers.sandbox.life import ENDS, Moment, Status
from providers.sandbox.prices import PriceList
from providers.sandbox.upstream import Order, SandboxJob, Upstream
from providers.sandbox.wire import Answer, Json, Trouble, read_json

_DURATIONS = ("10", "15", "25")
_FAILURES = {
    Stage.IMAGE_REVIEW: "内容审核未通过：检测到真人形象",
    Stage.PROMPT_REVIEW: "内容审核未通过：prompt_blocked",
    Stage.OUTPUT_REVIEW: "内容审核未通过：生成结果违规",
    Stage.GENERATE: "",
}


async def read_order(request: web.Request, prices: PriceList) -> Order:
    """Read a create; at 25 s `hd` has no effect."""
    fields = await read_json(request, trouble)
    ratio = relay.one_of(fields, "aspect_ratio", ("16:9", "9:16"))
    duration = fields.get("duration", "10")
    if not isinstance(duration, str):
        raise relay.invalid("json: cannot unmarshal number into Go struct field .duration of type string")
    if duration not in _DURATIONS:
        raise relay.invalid(f"duration must be one of {', '.join(_DURATIONS)}")
    hd = relay.flag(fields, "hd", default=False) and duration != "25"
    relay.flag(fields, "watermark", default=False)
    relay.flag(fields, "private", default=False)
    sides = (1024, 1792) if hd else (720, 1280)
    size = Size(*sides) if ratio == "9:16" else Size(*reversed(sides))
    order = relay.priced_order(fields, prices, int(duration), size)
    hook = fields.get("notify_hook")
    return replace(order, hook=hook) if isinstance(hook, str) and is_loopback(hook) else order


def make_id(rng: random.Random, _order: Order) -> str:
    """A UUID."""
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def accepted(_upstream: Upstream, job: SandboxJob) -> Answer:
    """The id and nothing else."""
    return Answer(200, {"task_id": job.id})


def polled(upstream: Upstream, job: SandboxJob) -> Answer:
    """The task as it is now; a time not reached yet is 0."""
    now = upstream.moment(job)
    link = upstream.link(job)
    started, ended = now.status is not Status.QUEUED, now.status in ENDS
    body: Json = {
        "task_id": job.id,
        "platform": "openai",
        "action": "sora-videos",
        "status": _word(upstream, job, now),
        "fail_reason": _failure(job, now),
        "submit_time": int(job.accepted_at),
        "start_time": int(upstream.started_at(job)) if started else 0,
        "finish_time": int(upstream.ended_at(job)) if ended else 0,
        "progress": f"{now.progress}%",
        "data": None,
        "search_item": "",
    }
    if link is not None:
        body |= _result(job, now, link)
    return Answer(200, body)


def _word(upstream: Upstream, job: SandboxJob, now: Moment) -> str:
    match now.status:
        case Status.QUEUED:
            waited = (upstream.clock() - job.accepted_at) * upstream.terms.time_scale
            return ("NOT_START", "SUBMITTED", "QUEUED")[min(int(waited / job.fate.queue_s * 3), 2)]
        case Status.IN_PROGRESS:
            return "IN_PROGRESS"
        case Status.COMPLETED:
            return "SUCCESS"
        case Status.FAILED:
            return "FAILURE"
        case Status.CANCELLED:
            return "CANCELLED"


def _failure(job: SandboxJob, now: Moment) -> str:
    """A failure with a code of its own comes as JSON in a string."""
    if now.failed_stage is None:
        return ""
    words = _FAILURES[now.failed_stage] if job.fate.words is None else job.fate.words
    return words if job.fate.code is None else orjson.dumps({"code": job.fate.code, "message": words}).decode()


def _result(job: SandboxJob, now: Moment, link: str) -> Json:
    shape = job.number % 3
    if shape == 2 and now.status is Status.COMPLETED:
        return {"fail_reason": link}
    return {"data": {"outputs": [link]}} if shape == 1 else {"data": {"output": link}}


def trouble(trouble: Trouble, detail: str = "") -> Answer:
    """The relays' words; here an empty balance hides behind the text of a saturated upstream."""
    if trouble is Trouble.BALANCE:
        return relay.flat(429, "insufficient_user_quota", relay.SATURATED)
    return relay.trouble(trouble, detail)
