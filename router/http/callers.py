"""Who is asking: bearer keys by their hash, or anybody on this machine when no keys are configured."""

import hashlib
from collections.abc import Iterable
from hmac import compare_digest
from ipaddress import IPv6Address, ip_address
from typing import Final

from aiohttp import hdrs, web

from router.core.limits import Caller
from router.http.errors import ApiError

ANONYMOUS: Final = "anonymous"
# One key can be spelled in several headers.
_PROVEN_MAX: Final = 1_000


class CallerDirectory:
    """Tells a request's caller. Keys carry full entropy, so an unsalted SHA-256 finds and proves them."""

    def __init__(self, callers: Iterable[Caller]) -> None:
        self._by_hash = {caller.key_sha256: caller for caller in callers}
        # Headers whose key was proven, for callers come back every few seconds.
        self._proven: dict[str, str] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Who can be told apart."""
        return tuple(caller.name for caller in self._by_hash.values()) or (ANONYMOUS,)

    def caller_of(self, request: web.BaseRequest) -> str:
        """Return the caller's name; raise ApiError 401 for a bad key, 403 for a stranger to an open router."""
        sent = request.headers.get(hdrs.AUTHORIZATION, "")
        if (name := self._proven.get(sent)) is not None:
            return name
        return self._owner(sent) if self._by_hash else self._neighbour(request)

    def _owner(self, sent: str) -> str:
        scheme, _, key = sent.partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            raise _unauthorized("no API key was sent; send the header 'Authorization: Bearer <key>'")
        digest = hashlib.sha256(key.strip().encode("utf-8", "surrogateescape")).hexdigest()
        caller = self._by_hash.get(digest)
        if caller is None or not compare_digest(caller.key_sha256, digest):
            raise _unauthorized("the API key is not known to this router; check the key and the base URL")
        if len(self._proven) >= _PROVEN_MAX:
            self._proven.clear()
        self._proven[sent] = caller.name
        return caller.name

    def _neighbour(self, request: web.BaseRequest) -> str:
        """Serve this machine only, and not a web page that its browser was lured to."""
        if not _loopback(request.remote):
            raise _forbidden("no caller keys are configured, so only this machine is served; configure callers")
        origin = request.headers.get(hdrs.ORIGIN)
        if not _loopback_host(request.host) or (origin is not None and origin.partition("://")[2] != request.host):
            raise _forbidden(
                "no caller keys are configured, so the Host must be localhost and other origins' pages are not served"
            )
        return ANONYMOUS


def _loopback(address: str | None) -> bool:
    try:
        parsed = ip_address((address or "").partition("%")[0])
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        return parsed.ipv4_mapped.is_loopback
    return parsed.is_loopback


def _loopback_host(host: str) -> bool:
    if host.startswith("["):
        return _loopback(host[1:].partition("]")[0])
    name = host.partition(":")[0].lower()
    return name == "localhost" or _loopback(name)


def _unauthorized(message: str) -> ApiError:
    return ApiError(401, message, "invalid_api_key", headers={"WWW-Authenticate": "Bearer"})


def _forbidden(message: str) -> ApiError:
    return ApiError(403, message, "loopback_only")
