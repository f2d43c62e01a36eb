"""Which paths each dialect listens on, and the handlers that only one of them has."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias, assert_never

from aiohttp import web
from aiohttp.typedefs import Middleware

from providers.sandbox import clips, jizhiai, openai, shenma
from providers.sandbox.delivery import DEFAULT_DELAY_S, send_bytes
from providers.sandbox.exchange import Exchanges
from providers.sandbox.faults import Fault, FaultRule
from providers.sandbox.life import ENDS
from providers.sandbox.prices import DialectName
from providers.sandbox.upstream import SandboxJob
from providers.sandbox.wire import Answer, Json, RefusedError, Trouble, Wire

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]
BODY_LIMIT = 32 * 1024 * 1024
LIST_LIMIT = 100


def wire_of(dialect: DialectName) -> Wire:
    """The formats of a dialect."""
    match dialect:
        case DialectName.OPENAI:
            return openai
        case DialectName.JIZHIAI:
            return jizhiai
        case DialectName.SHENMA:
            return shenma
        case _:
            assert_never(dialect)


def application(dialect: DialectName, exchanges: Exchanges) -> web.Application:
    """The upstream's own application, without its control paths."""
    app = web.Application(client_max_size=BODY_LIMIT, middlewares=[_in_dialect(exchanges.wire)])
    app.router.add_get("/_assets/{name}", exchanges.asset)
    match dialect:
        case DialectName.OPENAI:
            _OpenAIRoutes(exchanges).add_to(app)
        case DialectName.JIZHIAI:
            app.router.add_post("/v1/video/create", exchanges.create)
            app.router.add_get("/v1/video/query", _poll_by(exchanges, lambda request: request.query.get("id", "")))
        case DialectName.SHENMA:
            app.router.add_post("/v2/videos/generations", exchanges.create)
            by_path = _poll_by(exchanges, lambda request: request.match_info["id"])
            app.router.add_get("/v2/videos/generations/{id}", by_path)
        case _:
            assert_never(dialect)
    return app


def _poll_by(exchanges: Exchanges, job_id: Callable[[web.Request], str]) -> Handler:
    async def poll(request: web.Request) -> web.StreamResponse:
        return exchanges.poll(request, job_id(request))

    return poll


def _in_dialect(wire: Wire) -> Middleware:
    @web.middleware
    async def in_dialect(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except RefusedError as refused:
            return refused.answer.response()
        except web.HTTPRequestEntityTooLarge:
            return wire.trouble(Trouble.TOO_LARGE).response()
        except web.HTTPException as missing:
            message = f"Invalid URL ({request.method} {request.path})"
            error = {"message": message, "type": "invalid_request_error", "param": None, "code": None}
            return Answer(missing.status, {"error": error}).response()

    return in_dialect


class _OpenAIRoutes:
    """List, delete and content, which only the OpenAI dialect has."""

    def __init__(self, exchanges: Exchanges) -> None:
        self._exchanges = exchanges
        self._upstream = exchanges.upstream

    def add_to(self, app: web.Application) -> None:
        """Listen on every path of the dialect."""
        app.router.add_post("/v1/videos", self._exchanges.create)
        app.router.add_get("/v1/videos", self.list)
        app.router.add_get("/v1/videos/{id}", _poll_by(self._exchanges, lambda request: request.match_info["id"]))
        app.router.add_delete("/v1/videos/{id}", self.delete)
        app.router.add_get("/v1/videos/{id}/content", self.content)

    async def list(self, request: web.Request) -> web.StreamResponse:
        """One page of jobs, newest first unless `order=asc`."""
        self._exchanges.arrived(request, "list")
        limit, order = request.query.get("limit", "20"), request.query.get("order", "desc")
        if not self._upstream.terms.habits.lists:
            raise web.HTTPNotFound
        rule = self._upstream.injection.draw_list()
        if (spoiled := self._exchanges.spoiled_list(request, rule)) is not None:
            return spoiled
        if not (limit.isdecimal() and len(limit) <= 3 and int(limit) <= LIST_LIMIT):
            raise _bad_request("limit", f"limit must be a number from 0 to {LIST_LIMIT}")
        if order not in ("asc", "desc"):
            raise _bad_request("order", "order must be 'asc' or 'desc'")
        jobs = self._upstream.listed_jobs()
        if order == "desc":
            jobs.reverse()
        if (after := request.query.get("after")) is not None:
            self._exchanges.known(after)
            ids = [job.id for job in jobs]
            jobs = jobs[ids.index(after) + 1 :] if after in ids else []
        shown, more = jobs[: int(limit)], len(jobs) > int(limit)
        return Answer(200, self._listed(shown, more, rule)).response()

    def _listed(self, jobs: Sequence[SandboxJob], more: bool, rule: FaultRule | None) -> Json:
        """A page of these jobs, with the fault that was drawn for it."""
        fault = None if rule is None else rule.fault
        late_s = DEFAULT_DELAY_S if rule is None or rule.delay_s is None else rule.delay_s
        if fault is Fault.LIST_MISSING:
            jobs = [job for job in jobs if job.number % 3]
        if fault is Fault.LIST_DISORDERED:
            jobs = sorted(jobs, key=lambda job: job.id)
        late_s = late_s if fault is Fault.LIST_LATE else 0.0
        page = [openai.document(self._upstream, job, late_s) for job in jobs]
        return _page(page, has_more=more or fault is Fault.LIST_ENDLESS)

    async def delete(self, request: web.Request) -> web.StreamResponse:
        """Forget a job that has ended, or cancel one that has not; its entry stays in the books."""
        self._exchanges.arrived(request, "delete")
        job = self._exchanges.known(request.match_info["id"])
        if self._upstream.moment(job).status in ENDS:
            job.deleted = True
        elif self._upstream.terms.habits.cancels:
            self._upstream.cancel(job)
        else:
            raise _bad_request("video_id", "Only completed or failed videos can be deleted.")
        return Answer(200, {"id": job.id, "deleted": True, "object": "video.deleted"}).response()

    async def content(self, request: web.Request) -> web.StreamResponse:
        """A ready job's video, thumbnail or spritesheet."""
        self._exchanges.arrived(request, "content")
        job = self._exchanges.known(request.match_info["id"])
        now = self._upstream.moment(job)
        if not now.ready:
            raise _bad_request(None, f"Task is not completed yet, current status: {now.status}")
        match request.query.get("variant", "video"):
            case "video":
                return await self._exchanges.deliver(request, job)
            case "thumbnail":
                return send_bytes(request, clips.thumbnail(job.order.size), "image/webp")
            case "spritesheet":
                return send_bytes(request, clips.spritesheet(job.order.size), "image/jpeg")
            case _:
                raise _bad_request("variant", "variant must be one of 'video', 'thumbnail', 'spritesheet'")


def _page(page: list[Json], has_more: bool) -> Json:
    first_id, last_id = (page[0]["id"], page[-1]["id"]) if page else (None, None)
    return {"object": "list", "data": page, "first_id": first_id, "last_id": last_id, "has_more": has_more}


def _bad_request(param: str | None, message: str) -> RefusedError:
    error = {"message": message, "type": "invalid_request_error", "param": param, "code": "invalid_value"}
    return RefusedError(Answer(400, {"error": error}))
