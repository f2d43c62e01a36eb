"""POST /admin/route: who would take a create now, and why, in the configuration's own names; nothing is bought."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import orjson
from aiohttp import hdrs, web

from providers.canonical import VideoRequest
from router.core.catalog import Catalog
from router.core.limits import RequestDefaults, ServerSettings
from router.core.policy import JobLimits
from router.core.preferences import RoutingPreferences
from router.http.body import computed, read_document
from router.http.create_body import parse_create
from router.http.decision_object import OWN, decision_object
from router.http.door import DOOR
from router.http.errors import ApiError, invalid
from router.http.form import Document
from router.http.naming import Naming
from router.http.operators import require_json, require_operator

NOBODY: Final = ""
"""The caller of a question that names none, whom no budget limits."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked about: a video, the wishes that come with it, and whose it would be."""

    video: VideoRequest
    preferences: RoutingPreferences
    caller: str


async def route(request: web.Request) -> web.Response:
    """Answer with the decision, or in the envelope with what is wrong with the question."""
    door = request.app[DOOR]
    try:
        require_operator(request, "`video-router route`")
        require_json(request)
        with door.body_room.share() as share:
            document = await read_document(request, door.settings, share)
            terms = door.engine.catalog, door.callers.names, door.settings, door.defaults, door.limits
            question = await computed(request, asked, document, *terms)
            decision = door.engine.quote(question.video, question.preferences, question.caller)
    except ApiError as error:
        return error.response()
    body = orjson.dumps({"object": "routing.decision", **decision_object(decision, OWN)})
    return web.Response(body=body, headers={hdrs.CONTENT_TYPE: "application/json"})


def asked(
    document: Document,
    catalog: Catalog,
    callers: Collection[str],
    settings: ServerSettings,
    defaults: RequestDefaults,
    limits: JobLimits,
) -> Asked:
    """Read the body of a create and, beside its fields, a `caller`; providers go by their names and their aliases.

    Raises ApiError 400 or 413.
    """
    create = {name: value for name, value in document.items() if name != "caller"}
    parsed = parse_create(create, settings, defaults, Naming(catalog), limits)
    return Asked(parsed.video, parsed.preferences, _caller(document.get("caller"), callers))


def _caller(name: object, callers: Collection[str]) -> str:
    if name is None:
        return NOBODY
    if not isinstance(name, str) or name not in callers:
        raise invalid(f"caller must be one of: {', '.join(callers)}", "caller")
    return name
