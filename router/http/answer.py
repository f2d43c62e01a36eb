"""JSON for callers: a head of few lines, sent in one piece with its body."""

from collections.abc import Mapping
from email.utils import formatdate
from functools import lru_cache
from time import time
from typing import Any, Final

import orjson
from aiohttp import HttpVersion11, hdrs, web
from aiohttp.abc import AbstractStreamWriter
from multidict import istr

SERVER: Final = "video-router"
X_REQUEST_ID: Final = istr("x-request-id")
_WHOLE: Final = frozenset({hdrs.METH_GET, hdrs.METH_POST, hdrs.METH_DELETE})
_NONE: Final[Mapping[str, str]] = {}


class JsonAnswer(web.StreamResponse):
    """200 with a document, and with headers whose values are the router's own.

    What aiohttp does so that an answer can be a stream, a file or compressed is a fifth of a retrieve. On a kept
    connection of HTTP/1.1 the answer is written without that; to anybody else aiohttp writes it, with the same headers.
    """

    def __init__(self, request_id: str, document: Mapping[str, Any], headers: Mapping[str, str] = _NONE) -> None:
        super().__init__()
        self._document = orjson.dumps(document)
        self._request_id = request_id
        self._own = headers
        self._by_aiohttp: web.Response | None = None

    @property
    def keep_alive(self) -> bool | None:
        """Whether the connection stays open; None while nobody has decided."""
        return True if self._by_aiohttp is None else self._by_aiohttp.keep_alive

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Write all of it, or what aiohttp writes before a body."""
        transport = request.transport
        kept = request.version == HttpVersion11 and request.keep_alive and request.method in _WHOLE
        if not kept or transport is None or transport.is_closing():
            answer = self._by_aiohttp = web.Response(body=self._document, content_type="application/json")
            answer.headers.update({**self._own, X_REQUEST_ID: self._request_id, hdrs.SERVER: SERVER})
            return await answer.prepare(request)
        own = "".join([f"{name}: {value}\r\n" for name, value in self._own.items()])
        head = (
            f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(self._document)}\r\n{own}"
            f"x-request-id: {self._request_id}\r\nDate: {_date(int(time()))}\r\nServer: {SERVER}\r\n\r\n"
        )
        transport.write(head.encode("ascii") + self._document)
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """Write what is not written yet."""
        if self._by_aiohttp is not None:
            await self._by_aiohttp.write_eof(data)


@lru_cache(maxsize=2)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)
