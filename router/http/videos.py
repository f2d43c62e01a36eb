"""The handlers of /v1: each translates one request for the engine, and its answer back."""

from collections.abc import Mapping
from typing import Final

from aiohttp import web

from router.core.idempotency import IdempotencyConflictError, IdempotencyKey
from router.core.job import Job
from router.core.order import Acceptance, NoCandidateError, Order
from router.http.answer import JsonAnswer
from router.http.body import computed, read_document
from router.http.create_body import ParsedCreate, parse_create
from router.http.door import Door, Visit
from router.http.errors import ApiError, invalid, model_not_found, no_candidate, video_not_found
from router.http.idempotency import EXPIRES_HEADER, HEADER, expires, headers_of, idempotency_key
from router.http.job_routing import routing_of
from router.http.lookup import is_video_id, own_job
from router.http.quote_object import Terms, quote_object
from router.http.room import BodyShare
from router.http.routing_headers import routing_of_headers
from router.http.video_object import Json, deletion_object, model_list, model_object, video_list, video_object

PAGE_DEFAULT: Final = 20
PAGE_MAX: Final = 100
_DELETED: Final = "deleted"
_ROUTING: Final = "routing"
_NOTHING: Final = frozenset[str]()


async def create(visit: Visit) -> web.StreamResponse:
    """Accept a job; it is durable before this answers."""
    door = visit.door
    visit.repeatable = HEADER in visit.request.headers
    with door.body_room.share() as share:
        parsed = await _parsed(visit, share)
        order = Order(
            caller=visit.caller,
            video=parsed.video,
            preferences=parsed.preferences,
            metadata=parsed.metadata,
            key=await _key(visit, parsed) if visit.repeatable else None,
            trace_parent=visit.span.trace_parent,
        )
        acceptance = await _accept(door, order)
        visit.span.about(acceptance.job.id)
    return _video(visit, acceptance.job, None if order.key is None else headers_of(acceptance))


async def quote(visit: Visit) -> web.StreamResponse:
    """Decide as a create would, and buy nothing."""
    door = visit.door
    with door.body_room.share() as share:
        parsed = await _parsed(visit, share)
        decision = door.engine.quote(parsed.video, parsed.preferences, visit.caller)
        terms = Terms(door.limits, parsed.preferences, door.engine.catalog.providers)
        return JsonAnswer(visit.request_id, quote_object(decision, door.naming, terms))


async def retrieve(visit: Visit, video_id: str) -> web.StreamResponse:
    """Answer from the router's own state; no provider is asked."""
    included, door = _included(visit.request), visit.door
    job = await own_job(visit, video_id, deleted=_DELETED in included)
    if _ROUTING not in included:
        return _video(visit, job)
    decisions = await door.engine.decisions(job)
    return _video(visit, job, more={"routing": routing_of(job, decisions, door.naming, door.limits)})


async def listing(visit: Visit) -> web.StreamResponse:
    """Answer with a page of the caller's own jobs."""
    door, request = visit.door, visit.request
    limit, after = _limit(request), request.query.get("after")
    order = request.query.get("order", "desc")
    if order not in ("asc", "desc"):
        raise invalid("order must be asc or desc", "order")
    not_found = invalid("after must be the id of one of your videos", "after")
    if after is not None and not is_video_id(after):
        raise not_found
    try:
        page = await door.engine.jobs(visit.caller, limit=limit, after=after, descending=order == "desc")
    except LookupError:
        raise not_found from None
    return JsonAnswer(visit.request_id, video_list(page, door.naming))


async def delete(visit: Visit, video_id: str) -> web.StreamResponse:
    """Delete a job; one that has not ended is cancelled."""
    deletion = await visit.door.engine.delete(visit.caller, video_id) if is_video_id(video_id) else None
    if deletion is None:
        raise video_not_found(video_id)
    visit.span.about(deletion.job.id)
    return JsonAnswer(visit.request_id, deletion_object(deletion))


async def models(visit: Visit) -> web.StreamResponse:
    """Answer with the models for sale, and the groups of them."""
    return JsonAnswer(visit.request_id, model_list(visit.door.naming))


async def model(visit: Visit, name: str) -> web.StreamResponse:
    """Answer with one model or group, when it is for sale."""
    naming = visit.door.naming
    if name not in naming.models:
        raise model_not_found(name, naming.models)
    return JsonAnswer(visit.request_id, model_object(name, naming))


async def _parsed(visit: Visit, share: BodyShare) -> ParsedCreate:
    """Read and parse the body, of which `share` counts what it holds."""
    request, door = visit.request, visit.door
    settings, defaults, naming, limits = door.settings, door.defaults, door.naming, door.limits
    in_headers = routing_of_headers(request.headers)
    document = await read_document(request, settings, share)
    return await computed(request, parse_create, document, settings, defaults, naming, limits, in_headers)


async def _key(visit: Visit, parsed: ParsedCreate) -> IdempotencyKey:
    request, said = visit.request, (parsed.video, parsed.preferences, parsed.metadata)
    return await computed(request, idempotency_key, visit.caller, request.headers[HEADER], *said)


async def _accept(door: Door, order: Order) -> Acceptance:
    try:
        return await door.engine.accept(order)
    except NoCandidateError as error:
        own_spend = order.preferences.spend_microusd_max is not None
        raise no_candidate(error, order.video.model, door.naming, own_spend=own_spend) from None
    except IdempotencyConflictError as error:
        message = f"this {HEADER} was used before, for a different request; use a new key for a new request"
        headers = {} if error.job is None else {EXPIRES_HEADER: expires(error.job)}
        raise ApiError(422, message, "idempotency_key_reused", HEADER, headers=headers) from None


def _limit(request: web.BaseRequest) -> int:
    text = request.query.get("limit", str(PAGE_DEFAULT))
    if not (text.isascii() and text.isdecimal() and len(text) <= 3 and 1 <= int(text) <= PAGE_MAX):
        raise invalid(f"limit must be a whole number from 1 to {PAGE_MAX}", "limit")
    return int(text)


def _included(request: web.BaseRequest) -> frozenset[str]:
    """What a caller wants to see besides; OpenAI's SDK writes a list as `include[]`."""
    if not request.rel_url.raw_query_string:
        return _NOTHING
    included = frozenset((*request.query.getall("include", ()), *request.query.getall("include[]", ())))
    if included - {_DELETED, _ROUTING}:
        message = (
            f"include must be {_DELETED}, which shows a deleted video, too, or {_ROUTING}, which shows how its attempts"
            " were decided; both are said one by one, as in include=deleted&include=routing"
        )
        raise invalid(message, "include")
    return included


def _video(
    visit: Visit, job: Job, headers: Mapping[str, str] | None = None, more: Json | None = None
) -> web.StreamResponse:
    """Answer with a job, and with the moment to ask again while it is not over."""
    document, told = video_object(job, visit.door.naming), dict(headers or {})
    if more is not None:
        document |= more
    if not job.ended:
        told["openai-poll-after-ms"] = str(visit.door.settings.poll_after_ms)
    return JsonAnswer(visit.request_id, document, told)
