"""The `/_sandbox` paths: books, and faults to be set, read and cleared."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias

import orjson
from aiohttp import web

from providers.sandbox.books import Books
from providers.sandbox.faults import FaultError, FaultRule
from providers.sandbox.injection import ActiveRule

Json: TypeAlias = dict[str, Any]
Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]
BODY_LIMIT = 256 * 1024


class Controlled(Protocol):
    """What the control paths need of a sandbox."""

    def books(self) -> Books:
        """The books as they stand now."""

    def faults(self) -> Sequence[ActiveRule]:
        """The rules in force."""

    async def set_faults(
        self, faults: Iterable[FaultRule | Mapping[str, Any]], during: web.Request | None = None
    ) -> None:
        """Put these rules in force; raise FaultError when they cannot be used."""


def add_control_routes(app: web.Application, find: Callable[[web.Request], Controlled], prefix: str = "") -> None:
    """Add the paths to an application; `find` says whose they are."""

    async def books(request: web.Request) -> web.Response:
        return _json(200, find(request).books().document())

    async def get_faults(request: web.Request) -> web.Response:
        return _json(200, _listed(find(request)))

    async def put_faults(request: web.Request) -> web.Response:
        sandbox = find(request)
        try:
            await sandbox.set_faults(_rules(await request.read()), during=request)
        except FaultError as error:
            return _json(400, {"error": {"message": str(error)}})
        response = _json(200, _listed(sandbox))
        response.force_close()  # the one connection that a refused connect spared
        return response

    async def delete_faults(request: web.Request) -> web.Response:
        sandbox = find(request)
        await sandbox.set_faults((), during=request)
        return _json(200, _listed(sandbox))

    app.router.add_get(f"{prefix}/_sandbox/books", books)
    app.router.add_get(f"{prefix}/_sandbox/faults", get_faults)
    app.router.add_put(f"{prefix}/_sandbox/faults", put_faults)
    app.router.add_delete(f"{prefix}/_sandbox/faults", delete_faults)


def control_application(sandboxes: Mapping[str, Controlled]) -> web.Application:
    """The control listener's application: every sandbox under its name, all books under `/_sandbox/books`."""
    app = web.Application(client_max_size=BODY_LIMIT)

    def named(request: web.Request) -> Controlled:
        name = request.match_info["name"]
        if name not in sandboxes:
            raise web.HTTPNotFound(text=f"no sandbox is named {name!r}; there are: {', '.join(sandboxes)}")
        return sandboxes[name]

    async def all_books(_request: web.Request) -> web.Response:
        return _json(200, {name: sandbox.books().document() for name, sandbox in sandboxes.items()})

    app.router.add_get("/_sandbox/books", all_books)
    add_control_routes(app, named, prefix="/{name}")
    return app


def _rules(body: bytes) -> list[Json]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise FaultError(f"body is not JSON: {error}") from None
    if not isinstance(document, dict) or list(document) != ["faults"] or not isinstance(document["faults"], list):
        raise FaultError('body must be {"faults": [...]}')
    return document["faults"]


def _listed(sandbox: Controlled) -> Json:
    rules = [
        item.rule.model_dump(mode="json", exclude_none=True) | {"struck": item.struck} for item in sandbox.faults()
    ]
    return {"faults": rules}


def _json(status: int, document: Json) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(document), content_type="application/json")
