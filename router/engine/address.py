"""Where an exchange goes and what it carries, ready for the wire."""

import io
from typing import Final
from urllib.parse import quote, urlencode

import orjson
from aiohttp import FormData
from multidict import CIMultiDict
from yarl import URL

from providers.adapter import FormPart, HttpRequest
from router.engine.account import Account

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


async def body_of(request: HttpRequest, headers: CIMultiDict[str]) -> bytes | None:
    """The body, or None; its Content-Type is added to `headers`. Raises ValueError for a name no header may hold."""
    if request.json is not None:
        headers["Content-Type"] = "application/json"
        return orjson.dumps(request.json)
    return await _form(request.form, headers) if request.form else None


async def _form(parts: tuple[FormPart, ...], headers: CIMultiDict[str]) -> bytes:
    """A form as one body: the client library would write it in three pieces for every part."""
    # Quoting would turn a name like `input_reference[image_url]` into one the upstream does not know.
    form = FormData(quote_fields=False, default_to_multipart=True)
    for part in parts:
        if part.file_name is None:
            text = part.value if isinstance(part.value, str) else part.value.decode()
            form.add_field(part.name, text, content_type=part.media_type)
        else:
            data = part.value.encode() if isinstance(part.value, str) else part.value
            form.add_field(part.name, _piece(data), content_type=part.media_type, filename=part.file_name)
    payload = form()
    headers["Content-Type"] = payload.content_type
    return await payload.as_bytes()


def _piece(body: bytes) -> bytes | io.BytesIO:
    return body if len(body) < _ONE_PIECE_BYTES_MAX else io.BytesIO(body)
