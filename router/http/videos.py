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
from router.http.door import VISIT, Door
from router.http.errors import ApiError, invalid, model_not_found, no_candidate, video_not_found
from router.http.idempotency import EXPIRES_HEADER, HEADER, expires, headers_of, idempotency_key
from router.http.job_routing import routing_of
from router.http.lookup import is_video_id, own_job, video_id
from router.http.quote_object import Terms, quote_object
from router.http.room import BodyShare
from router.http.routing_headers import routing_of_headers
from router.http.video_object import Json, deletion_object, model_list, model_object, video_list, video_object

PAGE_DEFAULT: Final = 20
PAGE_MAX: Final = 100
_DELETED: Final = "deleted"
_ROUTING: Final = "routing"
_NOTHING: Final = frozenset[str]()


async def create(request: web.Request) -> web.Response:
    """Accept a job; it is durable before this answers."""
    visit = request[VISIT]
    door = visit.door
    visit.repeatable = HEADER in request.headers
    with door.body_room.share() as share:
        parsed = await _parsed(request, door, share)
        order = Order(
            caller=visit.caller,
            video=parsed.video,
            preferences=parsed.preferences,
            metadata=parsed.metadata,
            key=await _key(request, parsed) if visit.repeatable else None,
            trace_parent=visit.span.trace_parent,
        )
        acceptance = await _accept(door, order)
        visit.span.about(acceptance.job.id)
    return _video(acceptance.job, door, None if order.key is None else headers_of(acceptance))


async def quote(request: web.Request) -> web.Response:
    """Decide as a create would, and buy nothing."""
    door = request[VISIT].door
    with door.body_room.share() as share:
        parsed = await _parsed(request, door, share)
        decision = door.engine.quote(parsed.video, parsed.preferences, request[VISIT].caller)
        terms = Terms(door.limits, parsed.preferences, door.engine.catalog.providers)
        return JsonAnswer(quote_object(decision, door.naming, terms))


async def retrieve(request: web.Request) -> web.Response:
    """Answer from the router's own state; no provider is asked."""
    included, door = _included(request), request[VISIT].door
    job = await own_job(request, deleted=_DELETED in included)
    if _ROUTING not in included:
        return _video(job, door)
    decisions = await door.engine.decisions(job)
    return _video(job, door, more={"routing": routing_of(job, decisions, door.naming, door.limits)})


async def listing(request: web.Request) -> web.Response:
    """Answer with a page of the caller's own jobs."""
    door = request[VISIT].door
    limit, after = _limit(request), request.query.get("after")
    order = request.query.get("order", "desc")
    if order not in ("asc", "desc"):
        raise invalid("order must be asc or desc", "order")
    not_found = invalid("after must be the id of one of your videos", "after")
    if after is not None and not is_video_id(after):
        raise not_found
    try:
        page = await door.engine.jobs(request[VISIT].caller, limit=limit, after=after, descending=order == "desc")
    except LookupError:
        raise not_found from None
    return JsonAnswer(video_list(page, door.naming))


async def delete(request: web.Request) -> web.Response:
    """Delete a job; one that has not ended is cancelled."""
    visit = request[VISIT]
    deletion = await visit.door.engine.delete(visit.caller, video_id(request))
    if deletion is None:
        raise video_not_found(video_id(request))
    visit.span.about(deletion.job.id)
    return JsonAnswer(deletion_object(deletion))


async def models(request: web.Request) -> web.Response:
    """Answer with the models for sale, and the groups of them."""
    return JsonAnswer(model_list(request[VISIT].door.naming))


async def model(request: web.Request) -> web.Response:
    """Answer with one model or group, when it is for sale."""
    name, naming = request.match_info["model"], request[VISIT].door.naming
    if name not in naming.models:
        raise model_not_found(name, naming.models)
    return JsonAnswer(model_object(name, naming))


async def _parsed(request: web.Request, door: Door, share: BodyShare) -> ParsedCreate:
    """Read and parse the body, of which `share` counts what it holds."""
    settings, defaults, naming, limits = door.settings, door.defaults, door.naming, door.limits
    in_headers = routing_of_headers(request.headers)
    document = await read_document(request, settings, share)
    return await computed(request, lambda: parse_create(document, settings, defaults, naming, limits, in_headers))


async def _key(request: web.Request, parsed: ParsedCreate) -> IdempotencyKey:
    caller, text = request[VISIT].caller, request.headers[HEADER]
    return await computed(
        request, lambda: idempotency_key(caller, text, parsed.video, parsed.preferences, parsed.metadata)
    )


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


def _limit(request: web.Request) -> int:
    text = request.query.get("limit", str(PAGE_DEFAULT))
    if not (text.isascii() and text.isdecimal() and len(text) <= 3 and 1 <= int(text) <= PAGE_MAX):
        raise invalid(f"limit must be a whole number from 1 to {PAGE_MAX}", "limit")
    return int(text)


def _included(request: web.Request) -> frozenset[str]:
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


def _video(job: Job, door: Door, headers: Mapping[str, str] | None = None, more: Json | None = None) -> web.Response:
    """Answer with a job, and with the moment to ask again while it is not over."""
    document, headers = video_object(job, door.naming), dict(headers or {})
    if more is not None:
        document |= more
    if not job.ended:
        headers["openai-poll-after-ms"] = str(door.settings.poll_after_ms)
    return JsonAnswer(document, headers)
