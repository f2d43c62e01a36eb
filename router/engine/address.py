"""Where an exchange goes and what it carries, ready for the wire."""

import io
from typing import Final
from urllib.parse import quote, urlencode

import orjson
from multidict import CIMultiDict
from yarl import URL

from providers.adapter import HttpRequest
from router.engine.account import Account
from router.engine.form import encoded_form

# Above this the client library would rather stream a body than send it in one piece.
_ONE_PIECE_BYTES_MAX: Final = 1 << 20


def own_url(account: Account, request: HttpRequest) -> URL:
    """The URL of a relative request: adapters quoted its path, its query is quoted here, and nothing twice."""
    # Without the slash "@host" or ".host" would continue the base URL's host, and the key would go there.
    path = request.path if request.path.startswith("/") else f"/{request.path}"
    query = urlencode({**account.query, **request.query}, quote_via=quote, safe="")
    if query:
        path = f"{path}{'&' if '?' in path else '?'}{query}"
    # The quoting is a no-op on what an adapter quoted; it only keeps a slip from splitting the request line.
    return URL(account.base_url + quote(path, safe="/%:?#[]@!$&'()*+,;=~"), encoded=True)


def own_headers(account: Account, request: HttpRequest, accept: str) -> CIMultiDict[str]:
    """The headers of a relative request; no header of the adapter's takes the place of the key's."""
    headers = CIMultiDict({"Accept": accept})
    headers.update(request.headers)
    headers[account.header] = account.prefix + account.key.reveal()
    return headers


def body_of(request: HttpRequest, headers: CIMultiDict[str]) -> bytes | io.BytesIO | None:
    """The body, or None; its Content-Type is added to `headers`."""
    if request.json is not None:
        headers["Content-Type"] = "application/json"
        return _piece(orjson.dumps(request.json))
    if request.form:
        headers["Content-Type"], form = encoded_form(request.form)
        return _piece(form)
    return None


def _piece(body: bytes) -> bytes | io.BytesIO:
    return body if len(body) < _ONE_PIECE_BYTES_MAX else io.BytesIO(body)
