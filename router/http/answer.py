"""JSON for callers: a head of few lines, sent in one piece with its body."""

from collections.abc import Mapping
from email.utils import formatdate
from functools import lru_cache
from time import time
from typing import Any, Final

import orjson
from aiohttp import HttpVersion11, hdrs, web
from aiohttp.abc import AbstractStreamWriter

from router.http.door import VISIT

SERVER: Final = "video-router"
_WHOLE: Final = frozenset({hdrs.METH_GET, hdrs.METH_POST, hdrs.METH_DELETE})
_NONE: Final[Mapping[str, str]] = {}


class JsonAnswer(web.Response):
    """200 with a document, and with headers whose values are the router's own.

    What aiohttp does so that an answer can be a stream, a file or compressed is a fifth of a retrieve. On a kept
    connection of HTTP/1.1 the answer is written without that; to anybody else aiohttp writes it, with the same headers.
    """

    def __init__(self, document: Mapping[str, Any], headers: Mapping[str, str] = _NONE) -> None:
        self._document = orjson.dumps(document)
        super().__init__(body=self._document)
        self._own = headers
        self._sent = False

    @property
    def keep_alive(self) -> bool | None:
        """Whether the connection stays open; None while nobody has decided."""
        return True if self._sent else super().keep_alive

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Write all of it, or what aiohttp writes before a body."""
        if self._sent:
            return None
        transport, visit = request.transport, request.get(VISIT)
        kept = request.version == HttpVersion11 and request.keep_alive and request.method in _WHOLE
        if not kept or visit is None or transport is None or transport.is_closing():
            self.headers.update(self._own)
            self.headers[hdrs.CONTENT_TYPE] = "application/json"
            return await super().prepare(request)
        own = "".join([f"{name}: {value}\r\n" for name, value in self._own.items()])
        head = (
            f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(self._document)}\r\n{own}"
            f"x-request-id: {visit.request_id}\r\nDate: {_date(int(time()))}\r\nServer: {SERVER}\r\n\r\n"
        )
        self._sent = True
        transport.write(head.encode("ascii") + self._document)
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """Write what is not written yet."""
        if not self._sent:
            await super().write_eof(data)


@lru_cache(maxsize=2)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)
