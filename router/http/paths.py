"""What is served where: path templates, and who answers which method there."""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from aiohttp import hdrs, web

from router.http.door import Visit

Handler: TypeAlias = Callable[..., Awaitable[web.StreamResponse]]
"""It is given the visit, and what stands in the path for each part in braces of its template."""

UNMATCHED: Final = "unmatched"
"""What a request is counted by that is served nowhere."""
_OTHER: Final = "other"
_METHODS: Final = (hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_POST, hdrs.METH_DELETE, _OTHER)
_PART: Final = re.compile(r"\{(\w+)(?::([^{}]+))?\}")
_ANYTHING: Final = "[^{}/]+"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Who answers a method at a template, and what both are counted by.

    What is not `framed` is no caller's: its handler is given the request itself, and counts it in its own way.
    """

    handler: Handler
    route: str
    method: str
    span_name: str
    framed: bool = True


class Resource:
    """A path template, as in `/v1/videos/{video_id}`, and its handlers; whoever answers GET answers HEAD, too.

    A part in braces takes anything but a slash, or what the regular expression after its colon says.
    """

    def __init__(self, template: str, handlers: Mapping[str, Handler], *, framed: bool = True) -> None:
        self.route = _PART.sub(r"{\1}", template)
        self.pattern = re.compile(_PART.sub(lambda part: f"({part[2] or _ANYTHING})", template))
        answered = dict(handlers)
        if hdrs.METH_GET in answered:
            answered[hdrs.METH_HEAD] = answered[hdrs.METH_GET]
        own = {method: _endpoint(handler, self.route, method, framed) for method, handler in answered.items()}
        self._endpoints = _unmatched(_wrong_method(frozenset(answered))) | own

    def at(self, method: str) -> Endpoint:
        """Return who answers a method, if only to say that it is the wrong one."""
        return self._endpoints.get(method) or self._endpoints[_OTHER]


class Paths:
    """All resources. A template without braces comes first, then the others in their order."""

    def __init__(self, resources: Iterable[Resource]) -> None:
        each = tuple(resources)
        self._plain = {resource.route: resource for resource in each if "{" not in resource.route}
        self._patterns = tuple((resource.pattern, resource) for resource in each if "{" in resource.route)
        self._nowhere = _unmatched(_not_found)

    def at(self, method: str, path: str) -> tuple[Endpoint, tuple[str, ...]]:
        """Return who answers at a path whose `%2F` and `%25` stand as they were sent, and the parts it has."""
        if (plain := self._plain.get(path)) is not None:
            return plain.at(method), ()
        for pattern, resource in self._patterns:
            if (found := pattern.fullmatch(path)) is not None:
                parts = found.groups()
                return resource.at(method), tuple(map(_unquoted, parts)) if "%" in path else parts
        return self._nowhere.get(method) or self._nowhere[_OTHER], ()


def _unmatched(handler: Handler) -> dict[str, Endpoint]:
    return {method: _endpoint(handler, UNMATCHED, method, framed=True) for method in _METHODS}


def _endpoint(handler: Handler, route: str, method: str, framed: bool) -> Endpoint:
    return Endpoint(handler, route, method, f"{method} {route}", framed)


def _wrong_method(allowed: frozenset[str]) -> Handler:
    async def refuse(visit: Visit, *_: str) -> web.StreamResponse:
        raise web.HTTPMethodNotAllowed(visit.request.method, allowed)

    return refuse


async def _not_found(_visit: Visit) -> web.StreamResponse:
    raise web.HTTPNotFound


def _unquoted(part: str) -> str:
    return part.replace("%2F", "/").replace("%25", "%")
