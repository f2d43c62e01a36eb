"""POST /admin/providers/drain: an operator lets a provider finish what it has, or gives it jobs again."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

from aiohttp import web

from router.core.draining import Draining
from router.http.errors import invalid
from router.http.operators import Fields, obeyed

Drain: TypeAlias = Callable[[str, bool], Draining]

DRAIN: Final = web.AppKey[Drain]("DRAIN")
_FIELDS: Final = ("provider", "drained")
_STATUSES: Final[Mapping[str, int]] = MappingProxyType({"provider_not_found": 404, "drained_by_config": 409})


async def drain(request: web.Request) -> web.Response:
    """Answer with how many attempts are still in flight there, or in the envelope with why nothing was done."""

    async def obey(fields: Fields) -> Mapping[str, object]:
        provider, drained = fields.get("provider"), fields.get("drained")
        if not isinstance(provider, str) or not provider:
            raise invalid("name a provider of the configuration", "provider")
        if not isinstance(drained, bool):
            raise invalid("say true to give it nothing more, false to give it jobs again", "drained")
        return _document(request.app[DRAIN](provider, drained))

    return await obeyed(request, "`video-router providers`", _FIELDS, _STATUSES, obey)


def _document(draining: Draining) -> dict[str, object]:
    return {
        "object": "provider.drain",
        "provider": draining.provider,
        "drained": draining.drained,
        "in_flight": draining.in_flight,
    }
