"""POST /admin/attempts/resolve: an operator says what became of an attempt whose money is open."""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias, assert_never

from aiohttp import web

from router.core.job import Attempt
from router.core.resolution import Billed, Found, NotFound, Resolution
from router.http.errors import invalid
from router.http.lookup import is_video_id
from router.http.operators import Fields, microusd_of, obeyed

Resolve: TypeAlias = Callable[[str, Resolution], Awaitable[Attempt]]

RESOLVE: Final = web.AppKey[Resolve]("RESOLVE")
REMOTE_ID_CHARS_MAX: Final = 512
_FIELDS: Final = ("id", "found", "not_found", "billed")
_ONE_OF: Final = (
    'say one of "found": "the provider\'s id of it", "not_found": true, and "billed": true, or what it cost: "0.12"'
)
_STATUSES: Final[Mapping[str, int]] = MappingProxyType(
    {
        "attempt_not_found": 404,
        "attempt_not_open": 409,
        "several_open": 409,
        "remote_id_known": 409,
        "remote_id_taken": 409,
        "remote_id_unconfirmed": 409,
    }
)


async def resolve(request: web.Request) -> web.Response:
    """Answer with the attempt as it is now, or in the envelope with why nothing was done."""

    async def obey(fields: Fields) -> Mapping[str, object]:
        id_, resolution = _id(fields), _resolution(fields)
        return _document(await request.app[RESOLVE](id_, resolution), resolution)

    return await obeyed(request, "`video-router jobs resolve`", _FIELDS, _STATUSES, obey)


def _id(fields: Fields) -> str:
    text = fields.get("id")
    if not isinstance(text, str) or not is_video_id(text):
        raise invalid("name a job, such as video_1f2e, or one of its attempts, such as video_1f2e-1", "id")
    return text


def _resolution(fields: Fields) -> Resolution:
    said = [name for name in _FIELDS[1:] if name in fields]
    if len(said) != 1:
        raise invalid(_ONE_OF, said[1] if said else None)
    match said[0], fields[said[0]]:
        case "found", str(remote_id):
            return Found(_remote_id(remote_id))
        case "not_found", True:
            return NotFound()
        case "billed", True:
            return Billed()
        case "billed", str(amount):
            return Billed(microusd_of(amount, "billed"))
        case name, _:
            raise invalid(_ONE_OF, name)


def _remote_id(text: str) -> str:
    if not 1 <= len(text) <= REMOTE_ID_CHARS_MAX or not text.isprintable() or text != text.strip():
        raise invalid(
            f"a remote id is 1 to {REMOTE_ID_CHARS_MAX} printable characters, without spaces around them", "found"
        )
    return text


def _document(attempt: Attempt, resolution: Resolution) -> dict[str, object]:
    """Tell what the attempt is now, and what its money came to; None while that is not known."""
    return {
        "object": "attempt.resolution",
        "id": attempt.id,
        "job": attempt.job_id,
        "provider": attempt.provider,
        "state": attempt.state,
        "remote_id": attempt.remote_id,
        **_money(attempt, resolution),
    }


def _money(attempt: Attempt, resolution: Resolution) -> dict[str, object]:
    match resolution:
        case Found():
            return {"booked": None, "cost_kind": None, "amount_microusd": attempt.quote_microusd}
        case NotFound():
            return {"booked": "voided", "cost_kind": None, "amount_microusd": attempt.quote_microusd}
        case Billed(microusd):
            amount = attempt.quote_microusd if microusd is None else microusd
            return {"booked": "posted", "cost_kind": "failed_billed", "amount_microusd": amount}
        case _:
            assert_never(resolution)
