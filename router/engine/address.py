"""Where an exchange goes and what it carries, ready for the wire."""

import re
import secrets
from typing import Final
from urllib.parse import quote, urlencode

import orjson
from multidict import CIMultiDict
from yarl import URL

from providers.adapter import FormPart, HttpRequest
from router.engine.account import Account

_NO_HEADER: Final = re.compile(r"[\r\n\0]")


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


def body_of(request: HttpRequest, headers: CIMultiDict[str]) -> bytes | None:
    """The body, or None; its Content-Type is added to `headers`. Raises ValueError for a name no header may hold."""
    if request.json is not None:
        headers["Content-Type"] = "application/json"
        return orjson.dumps(request.json)
    if not request.form:
        return None
    # Nobody knows it before he has said what the parts hold, so none of them holds it.
    boundary = secrets.token_hex(16)
    headers["Content-Type"] = f"multipart/form-data; boundary={boundary}"
    return _form(request.form, boundary)


def _form(parts: tuple[FormPart, ...], boundary: str) -> bytes:
    """A form as RFC 7578 has it, in one piece."""
    pieces: list[bytes] = []
    for part in parts:
        pieces.append(_part_head(part, boundary))
        pieces.append(part.value.encode() if isinstance(part.value, str) else part.value)
        pieces.append(b"\r\n")
    pieces.append(f"--{boundary}--\r\n".encode())
    return b"".join(pieces)


def _part_head(part: FormPart, boundary: str) -> bytes:
    media_type, disposition = part.media_type, f'form-data; name="{_quoted(part.name)}"'
    if part.file_name is not None:
        disposition = f'{disposition}; filename="{_quoted(part.file_name)}"'
        media_type = media_type or "application/octet-stream"
    media_type = media_type or "text/plain; charset=utf-8"
    if _NO_HEADER.search(disposition) or _NO_HEADER.search(media_type):
        raise ValueError("a part's name, file name or type has a line break in it")
    return f"--{boundary}\r\nContent-Type: {media_type}\r\nContent-Disposition: {disposition}\r\n\r\n".encode()


def _quoted(name: str) -> str:
    # Percent signs would turn a name like `input_reference[image_url]` into one the upstream does not know.
    return name.replace("\\", "\\\\").replace('"', '\\"')
