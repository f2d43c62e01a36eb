"""Where an exchange goes and what it carries, ready for the wire."""

import re
from functools import lru_cache
from typing import Final
from urllib.parse import quote, urlencode

import orjson
from multidict import CIMultiDict
from yarl import URL

from providers.adapter import FormPart, HttpRequest
from router.engine.account import Account
from router.engine.entropy import Entropy

_PLAIN_PATH: Final = re.compile(r"/[\w/%:\[\]@!$&'()*+,;=.~-]*", re.ASCII)
_NO_HEADER: Final = re.compile(r"[\r\n\0]")


def own_url(account: Account, request: HttpRequest) -> URL:
    """The URL of a relative request: adapters quoted its path, its query is quoted here, and nothing twice."""
    query = {**account.query, **request.query} if account.query or request.query else None
    if query is None and _PLAIN_PATH.fullmatch(request.path):
        base = URL(account.base_url, encoded=True)
        return base.with_path(base.raw_path.rstrip("/") + request.path, encoded=True)
    # Without the slash "@host" or ".host" would continue the base URL's host, and the key would go there.
    path = request.path if request.path.startswith("/") else f"/{request.path}"
    if query is not None:
        path = f"{path}{'&' if '?' in path else '?'}{urlencode(query, quote_via=quote, safe='')}"
    # The quoting is a no-op on what an adapter quoted; it only keeps a slip from splitting the request line.
    return URL(account.base_url + quote(path, safe="/%:?#[]@!$&'()*+,;=~"), encoded=True)


def own_headers(account: Account, request: HttpRequest, accept: str) -> CIMultiDict[str]:
    """The headers of a relative request; no header of the adapter's takes the place of the key's."""
    headers = CIMultiDict({"Accept": accept})
    if request.headers:
        headers.update(request.headers)
    headers[account.header] = account.prefix + account.key.reveal()
    return headers


def body_of(request: HttpRequest, headers: CIMultiDict[str], entropy: Entropy) -> bytes | None:
    """The body, or None; its Content-Type is added to `headers`. Raises ValueError for a name no header may hold."""
    if request.json is not None:
        headers["Content-Type"] = "application/json"
        return orjson.dumps(request.json)
    if not request.form:
        return None
    # Nobody knows it before he has said what the parts hold, so none of them holds it.
    boundary = entropy.take(16).hex()
    headers["Content-Type"] = f"multipart/form-data; boundary={boundary}"
    return _form(request.form, boundary.encode())


def _form(parts: tuple[FormPart, ...], boundary: bytes) -> bytes:
    """A form as RFC 7578 has it, in one piece."""
    pieces: list[bytes] = []
    for part in parts:
        head = _text_head(part.name, part.media_type) if part.file_name is None else _file_head(part)
        pieces += (b"--", boundary, head, part.value.encode() if isinstance(part.value, str) else part.value, b"\r\n")
    pieces += (b"--", boundary, b"--\r\n")
    return b"".join(pieces)


@lru_cache(maxsize=256)
def _text_head(name: str, media_type: str | None) -> bytes:
    return _head(f'form-data; name="{_quoted(name)}"', media_type or "text/plain; charset=utf-8")


def _file_head(part: FormPart) -> bytes:
    disposition = f'form-data; name="{_quoted(part.name)}"; filename="{_quoted(part.file_name or "")}"'
    return _head(disposition, part.media_type or "application/octet-stream")


def _head(disposition: str, media_type: str) -> bytes:
    """What stands between a part's boundary and its value."""
    if _NO_HEADER.search(disposition) or _NO_HEADER.search(media_type):
        raise ValueError("a part's name, file name or type has a line break in it")
    return f"\r\nContent-Type: {media_type}\r\nContent-Disposition: {disposition}\r\n\r\n".encode()


def _quoted(name: str) -> str:
    # Percent signs would turn a name like `input_reference[image_url]` into one the upstream does not know.
    return name.replace("\\", "\\\\").replace('"', '\\"')
