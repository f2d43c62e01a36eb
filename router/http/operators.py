"""What operators' orders have in common: they come from no web page, and are small JSON objects of known fields."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Final, TypeAlias

import orjson
from aiohttp import hdrs, web

from router.core.money import parse_usd
from router.core.order import UnavailableError
from router.core.refusal import RefusedOrderError
from router.http.body import read_raw
from router.http.errors import ApiError, invalid, unavailable

BODY_BYTES_MAX: Final = 8_192
BODY_S_MAX: Final = 10.0

Fields: TypeAlias = Mapping[str, object]


def require_operator(request: web.Request, command: str) -> None:
    """Turn every web page away: none is served here, and a name that was rebound to this address is its own origin."""
    if hdrs.ORIGIN in request.headers:
        raise ApiError(403, f"this is not asked for by web pages; use {command}", "origin_refused")


def require_json(request: web.Request) -> None:
    """Turn away what a form could have sent; raises ApiError 415."""
    if request.content_type != "application/json":
        raise ApiError(415, "send the body as application/json", "unsupported_content_type", hdrs.CONTENT_TYPE)


async def obeyed(
    request: web.Request,
    command: str,
    known: Collection[str],
    statuses: Mapping[str, int],
    obey: Callable[[Fields], Awaitable[Mapping[str, object]]],
) -> web.Response:
    """Answer an order of `known` fields with what it came to, or in the envelope with why nothing was done.

    `statuses` are those of refusals by their codes, 422 where one is not named.
    """
    try:
        require_operator(request, command)
        document = await obey(await read_fields(request, known))
    except RefusedOrderError as error:
        return ApiError(statuses.get(error.code, 422), str(error), error.code).response()
    except UnavailableError as error:
        return unavailable(str(error), "router_unavailable", error.retry_after_s).response()
    except ApiError as error:
        return error.response()
    return web.Response(body=orjson.dumps(document), headers={hdrs.CONTENT_TYPE: "application/json"})


def microusd_of(amount: str, param: str) -> int:
    """Read an amount in USD; raises ApiError 400."""
    try:
        return parse_usd(amount)
    except ValueError as error:
        raise invalid(str(error), param) from None


async def read_fields(request: web.Request, known: Collection[str]) -> Fields:
    """Read the body, an object of no other fields than these; raises ApiError 400, 408, 413 or 415."""
    require_json(request)
    try:
        document = orjson.loads(await read_raw(request, BODY_BYTES_MAX, BODY_S_MAX))
    except orjson.JSONDecodeError as error:
        raise invalid(f"the body is not valid JSON: {error.msg}", code="invalid_json") from None
    if not isinstance(document, dict):
        raise invalid("the body must be a JSON object", code="invalid_json")
    for name in document:
        if name not in known:
            raise invalid(f"there is no field {name[:40]!r} here; the fields are: {', '.join(known)}", name[:40])
    return document
