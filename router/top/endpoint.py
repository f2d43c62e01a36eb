"""A router's admin listener, asked by commands, and what is wrong with the place when it does not answer."""

import http.client
import socket
import urllib.error
from collections.abc import Mapping
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

import orjson
from pydantic import TypeAdapter, ValidationError

from router.core.overview import SCHEMA, Overview

PATH: Final = "/admin/overview"
BODY_BYTES_MAX: Final = 4_000_000
LOCAL: Final = "http://127.0.0.1:9091"
"""Where a router's admin listener is unless `serve` was told another place."""
_TIMEOUT_S: Final = 5.0
# A disk may be busy for as long as the store waits for it, and the answer says whether money was moved.
_ORDER_TIMEOUT_S: Final = 30.0
_SERVER_ERROR: Final = 500
_OVERVIEW: Final = TypeAdapter(Overview)


class NoOverviewError(Exception):
    """There is no overview to be had; the text says why and what to change."""


class NoAnswerError(Exception):
    """Whether what was asked for is done is not known; the text says why, and what to look at."""


class RefusedError(Exception):
    """The router did not do what it was asked for; the text is its own, which says why."""


class AddressError(ValueError):
    """This is no address of an admin listener."""


class _NoRedirects(HTTPRedirectHandler):
    """An admin listener never redirects, so whoever does is something else."""

    def redirect_request(self, *_args: object) -> None:
        """Follow nothing."""


class Endpoint:
    """The admin listener of one router, asked directly: operators' routers are not behind a proxy."""

    def __init__(self, admin: str) -> None:
        self.url = _base_url(admin)
        self._opener = build_opener(ProxyHandler({}), _NoRedirects())

    def body(self) -> bytes:
        """Return the document as it is sent; raises NoOverviewError."""
        try:
            with self._opener.open(self.url + PATH, timeout=_TIMEOUT_S) as response:
                body: bytes = response.read(BODY_BYTES_MAX + 1)
        except urllib.error.HTTPError as error:
            error.close()
            raise NoOverviewError(f"{self.url} answers HTTP {error.code}; {_WHICH}") from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise NoOverviewError(f"{self.url} cannot be reached: {_why(error, _TIMEOUT_S)}") from None
        if len(body) > BODY_BYTES_MAX:
            raise NoOverviewError(f"{self.url} sends more than an overview has; {_WHICH}")
        return body

    def overview(self) -> Overview:
        """Return the document read; raises NoOverviewError."""
        return read(self.body(), self.url)

    def post(self, path: str, document: Mapping[str, object]) -> bytes:
        """Ask for something to be done and return what is answered; raises RefusedError and NoAnswerError."""
        headers = {"Content-Type": "application/json"}
        # The schemes were looked at when the address was.
        request = Request(self.url + path, orjson.dumps(document), headers, method="POST")  # noqa: S310
        try:
            with self._opener.open(request, timeout=_ORDER_TIMEOUT_S) as response:
                answer: bytes = response.read(BODY_BYTES_MAX)
                if response.length:
                    raise http.client.IncompleteRead(answer)
        except urllib.error.HTTPError as error:
            raise self._refused(error) from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            why = _why(error, _ORDER_TIMEOUT_S)
            if _is_unsent(error):
                raise RefusedError(f"{self.url} cannot be reached: {why}") from None
            raise self._unanswered(why) from None
        return answer

    def _refused(self, error: urllib.error.HTTPError) -> RefusedError | NoAnswerError:
        """Tell an error of the router, which did nothing then, from one of somewhere on the way or of a defect."""
        body = b""
        with error, suppress(OSError, http.client.HTTPException):
            body = error.read(BODY_BYTES_MAX)
        words = _words(body)
        if words is None and error.code >= _SERVER_ERROR:
            return self._unanswered(f"it answers HTTP {error.code}")
        return RefusedError(words or f"{self.url} answers HTTP {error.code}; {_WHICH}")

    def _unanswered(self, why: str) -> NoAnswerError:
        return NoAnswerError(f"{self.url} may have done it and did not say so: {why}; look before you repeat it")


def read(body: bytes, url: str) -> Overview:
    """Read a document; raises NoOverviewError when it is none, or one of another version."""
    try:
        document = orjson.loads(body)
    except ValueError:
        raise NoOverviewError(f"{url} answers with something else than an overview; {_WHICH}") from None
    schema = document.get("schema") if isinstance(document, dict) else None
    if isinstance(schema, int) and schema != SCHEMA:
        raise NoOverviewError(
            f"{url} gives overviews of schema {schema:.0f}, and this command reads schema {SCHEMA}; "
            "use the video-router that runs there"
        )
    try:
        return _OVERVIEW.validate_json(body)
    except ValidationError:
        raise NoOverviewError(f"{url} answers with something else than an overview; {_WHICH}") from None


_WHICH: Final = "name with --admin what serve listens on for operators, port 9091 unless its --admin-port says else"


def _base_url(admin: str) -> str:
    """Complete an address; raises AddressError."""
    url = admin if "://" in admin else f"http://{admin}"
    try:
        parts = urlsplit(url)
        plain = not (parts.query or parts.fragment or parts.username) and url.isprintable() and " " not in url
        named = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        plain = named = False
    if not (plain and named):
        raise AddressError(f"{admin[:80]!r} is no address; write it like http://127.0.0.1:9091")
    return url.rstrip("/")


def _words(body: bytes) -> str | None:
    """Take the words out of an error envelope; None when it is none."""
    try:
        message = orjson.loads(body)["error"]["message"]
    except (ValueError, LookupError, TypeError):
        return None
    return message if isinstance(message, str) and message else None


def _is_unsent(error: Exception) -> bool:
    """Whether nobody can have read the request: there was nobody to connect to."""
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    return isinstance(reason, ConnectionRefusedError | socket.gaierror)


def _why(error: Exception, timeout_s: float) -> str:
    """Name what went wrong in words that say where to look."""
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    match reason:
        case TimeoutError():
            return f"no answer within {timeout_s:g} s"
        case ConnectionRefusedError():
            return "nothing listens there; start the router, or name its admin address with --admin"
        case socket.gaierror():
            return "its name cannot be resolved"
        case OSError(strerror=str(words)):
            return words
        case _:
            return "the answer was cut off or is no HTTP"
