"""Opening a finished video wherever its bytes lie: a document that only names its link is followed, once."""

import re
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import orjson

from providers.adapter import HttpRequest
from providers.complaints import complaint
from providers.fields import URL_PATHS, as_url
from providers.places import first
from router.engine.exchange import ContentStream, Transport
from router.engine.verification import SIGNATURE_BYTES

_DOCUMENT_BYTES_MAX: Final = 1 << 16
_HEAD_BYTES_MAX: Final = 1 << 10
_LINK_IN_WORDS: Final = re.compile(r"https?://[^\s\"'<>]{1,8000}")


@dataclass(frozen=True, slots=True)
class Opened:
    """An open answer and its first bytes, which `stream.chunks` still holds."""

    stream: ContentStream
    head: bytes = field(repr=False)


@asynccontextmanager
async def opened(
    transport: Transport, provider: str, request: HttpRequest, headers: Mapping[str, str], *, for_caller: bool = False
) -> AsyncIterator[Opened]:
    """Open a download of any status; raises ContentError, as `chunks` does.

    A content endpoint may answer JSON that names a link instead of the bytes; the link gets no key of the provider's.
    """
    async with transport.open(provider, request, headers, for_caller=for_caller) as stream:
        taken = await _taken(stream.chunks, SIGNATURE_BYTES)
        head, link = _head_of(taken), None
        if stream.status != 206 and _is_document(head):
            taken += await _taken(stream.chunks, _DOCUMENT_BYTES_MAX)
            link = _link_in(stream.status, b"".join(taken))
        if link is None:
            async with aclosing(_chained(taken, stream.chunks)) as chunks:
                yield _passed_on(stream, chunks, head)
            return
    async with transport.open(provider, HttpRequest("GET", link), headers, for_caller=for_caller) as stream:
        taken = await _taken(stream.chunks, SIGNATURE_BYTES)
        head = _head_of(taken)
        async with aclosing(_chained(taken, stream.chunks)) as chunks:
            yield _passed_on(stream, chunks, head)


def _passed_on(stream: ContentStream, chunks: AsyncIterator[bytes], head: bytes) -> Opened:
    return Opened(ContentStream(stream.status, stream.headers, chunks, stream.file), head)


async def _taken(chunks: AsyncIterator[bytes], bytes_min: int) -> deque[bytes]:
    """Take the next chunks until they are `bytes_min` long, or over."""
    taken: deque[bytes] = deque()
    length = 0
    while length < bytes_min:
        chunk = await anext(chunks, None)
        if chunk is None:
            break
        taken.append(chunk)
        length += len(chunk)
    return taken


async def _chained(taken: deque[bytes], chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    # Whatever was passed on is kept no longer, however long the rest takes.
    while taken:
        yield taken.popleft()
    async for chunk in chunks:
        yield chunk


def _head_of(taken: deque[bytes]) -> bytes:
    return b"".join(chunk[:_HEAD_BYTES_MAX] for chunk in taken)[:_HEAD_BYTES_MAX]


def _is_document(head: bytes) -> bool:
    return head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{")


def _link_in(status: int, body: bytes) -> str | None:
    """The link that a document stands for: named by a success, or by a 400 that says where the video was put."""
    if len(body) > _DOCUMENT_BYTES_MAX or not (200 <= status < 300 or status == 400):
        return None
    try:
        document = orjson.loads(body.removeprefix(b"\xef\xbb\xbf"))
    except ValueError:
        return None
    if not isinstance(document, dict):
        return None
    if status != 400:
        return first(document, URL_PATHS, as_url)
    # SGLang's words: the video has been uploaded to cloud storage, please use the cloud URL, and then that link.
    found = (_LINK_IN_WORDS.search(message) for message in complaint(document).messages)
    return next((as_url(link.group().rstrip(".,;)")) for link in found if link), None)
