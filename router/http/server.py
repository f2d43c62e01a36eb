"""What is listened to: the public server for callers, and the admin one for those who operate the router."""

import asyncio
from collections.abc import Callable
from typing import Final, TypeAlias

import orjson
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from router.core.order import Readiness
from router.core.overview import Overview
from router.http import videos
from router.http.adjusting import ADJUST, adjust
from router.http.answer import SERVER
from router.http.content import content
from router.http.door import DOOR, Door
from router.http.draining import DRAIN, drain
from router.http.errors import from_web
from router.http.frame import Frame
from router.http.hooks import Hooks, hook_resources
from router.http.paths import Paths, Resource
from router.http.reload import RELOAD, Reload, reload
from router.http.resolving import RESOLVE, resolve
from router.http.route import route

Exposition: TypeAlias = Callable[[str], tuple[bytes, str]]
View: TypeAlias = Callable[[Readiness], Overview]

EXPOSITION: Final = web.AppKey[Exposition]("EXPOSITION")
VIEW: Final = web.AppKey[View]("VIEW")
_ADMIN_PATHS: Final = (
    "/healthz",
    "/readyz",
    "/metrics",
    "/admin/overview",
    "/admin/reload",
    "/admin/attempts/resolve",
    "/admin/ledger/adjust",
    "/admin/providers/drain",
    "/admin/route",
)
# Reading /v1/videos/quote is the wrong method at that path, and no look-up of a video called "quote".
_VIDEO: Final = "/v1/videos/{video_id:(?!quote$)[^/]+}"


def public_server(door: Door, hooks: Hooks | None = None) -> web.Server:
    """Build what callers reach: the OpenAI Videos API under /v1, and where providers' webhooks come to.

    It is aiohttp's low-level server: what an application does around its handlers is a fifth of a retrieve.
    """
    resources = [
        Resource("/v1/videos", {hdrs.METH_POST: videos.create, hdrs.METH_GET: videos.listing}),
        Resource("/v1/videos/quote", {hdrs.METH_POST: videos.quote}),
        Resource(_VIDEO, {hdrs.METH_GET: videos.retrieve, hdrs.METH_DELETE: videos.delete}),
        Resource("/v1/videos/{video_id}/content", {hdrs.METH_GET: content}),
        Resource("/v1/models", {hdrs.METH_GET: videos.models}),
        Resource("/v1/models/{model:.+}", {hdrs.METH_GET: videos.model}),
        *(hook_resources(hooks) if hooks is not None else ()),
    ]
    return web.Server(Frame(door, Paths(resources)).answer, access_log=None)


def admin_app(door: Door, exposition: Exposition, reloading: Reload, viewing: View) -> web.Application:
    """Build what only operators reach; `exposition` takes an Accept header and gives the metrics and their type."""
    app = web.Application(middlewares=[_enveloped])
    app.on_response_prepare.append(_signed)
    engine = door.engine
    app[DOOR] = door
    app[EXPOSITION] = exposition
    app[RELOAD] = reloading
    app[VIEW] = viewing
    app[RESOLVE] = engine.resolve
    app[ADJUST] = engine.adjust
    app[DRAIN] = engine.drain
    gets = {"/healthz": _alive, "/readyz": _ready, "/metrics": _metrics, "/admin/overview": _overview}
    posts = {
        "/admin/reload": reload,
        "/admin/attempts/resolve": resolve,
        "/admin/ledger/adjust": adjust,
        "/admin/providers/drain": drain,
        "/admin/route": route,
    }
    app.add_routes([web.get(path, handler) for path, handler in gets.items()])
    app.add_routes([web.post(path, handler) for path, handler in posts.items()])
    return app


async def _signed(_request: web.Request, response: web.StreamResponse) -> None:
    """Name no version of what serves it."""
    response.headers[hdrs.SERVER] = SERVER


@web.middleware
async def _enveloped(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as error:
        return from_web(error, f"operators find {', '.join(_ADMIN_PATHS)} here").response()


async def _alive(_request: web.Request) -> web.Response:
    return _document({"status": "ok"}, 200)


async def _ready(request: web.Request) -> web.Response:
    readiness = await request.app[DOOR].engine.readiness()
    return _document({"ready": readiness.ready, **readiness.detail}, 200 if readiness.ready else 503)


async def _metrics(request: web.Request) -> web.Response:
    # Rendering thousands of series takes long enough to be felt by callers, so it is done in a thread.
    body, content_type = await asyncio.to_thread(request.app[EXPOSITION], request.headers.get(hdrs.ACCEPT, ""))
    return web.Response(body=body, headers={hdrs.CONTENT_TYPE: content_type})


async def _overview(request: web.Request) -> web.Response:
    readiness = await request.app[DOOR].engine.readiness()
    body = orjson.dumps(request.app[VIEW](readiness))
    return web.Response(body=body, headers={hdrs.CONTENT_TYPE: "application/json"})


def _document(document: dict[str, object], status: int) -> web.Response:
    return web.Response(
        status=status, body=orjson.dumps(document, default=str), headers={hdrs.CONTENT_TYPE: "application/json"}
    )
