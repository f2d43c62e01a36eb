"""POST /admin/reload: the configuration file is read anew, and taken over if nothing is wrong with it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import orjson
from aiohttp import hdrs, web

from router.http.errors import ApiError
from router.http.operators import require_operator

PROBLEMS_LISTED_MAX: Final = 40


@dataclass(frozen=True, slots=True)
class Reloaded:
    """How a reload ended: with `problems` nothing changed, without any the file is in force.

    All of it is in words for people. `param` is the YAML path of the first problem.
    """

    file: str
    digest: str
    changes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    param: str | None = None


Reload: TypeAlias = Callable[[], Awaitable[Reloaded]]

RELOAD: Final = web.AppKey[Reload]("RELOAD")


async def reload(request: web.Request) -> web.Response:
    """Answer with what changed, or with 422 and everything that is wrong with the file."""
    try:
        require_operator(request, "curl -X POST")
        reloaded = await request.app[RELOAD]()
        if reloaded.problems:
            raise _refused(reloaded)
    except ApiError as error:
        return error.response()
    document = {
        "object": "config.reload",
        "file": reloaded.file,
        "digest": reloaded.digest,
        "changes": reloaded.changes,
        "warnings": reloaded.warnings,
    }
    return web.Response(body=orjson.dumps(document), headers={hdrs.CONTENT_TYPE: "application/json"})


def _refused(reloaded: Reloaded) -> ApiError:
    listed = list(reloaded.problems[:PROBLEMS_LISTED_MAX])
    if more := len(reloaded.problems) - len(listed):
        listed.append(f"and {more} more; `video-router check` lists them all")
    message = "\n".join(("the file was not taken over, and the configuration in force stays:", *listed))
    return ApiError(422, message, "config_invalid", reloaded.param)
