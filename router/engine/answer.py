"""Reading what an upstream answers, within limits."""

from collections.abc import AsyncGenerator
from typing import Final

from aiohttp import ClientResponse

from router.engine.exchange import ContentError
from router.engine.fault import cause_of
from router.engine.sessions import Mark

ANSWER_BYTES_MAX: Final = 1 << 20
DOWNLOAD_BYTES_MAX: Final = 4 << 30


async def read_capped(response: ClientResponse) -> bytes | None:
    """The whole body, decompressed, or None when it is longer than an answer may be."""
    content = response.content
    body = await content.readany()
    while len(body) <= ANSWER_BYTES_MAX:
        if content.at_eof():
            return body
        body += await content.readany()
    return None


async def read_chunks(response: ClientResponse, mark: Mark) -> AsyncGenerator[bytes, None]:
    """The body as fast as it is taken; sets `mark.broke` before it raises ContentError.

    Pieces are as they were received, because to cut them is to copy them; at most what an event loop receives at once
    on top of what the client library buffers before it stops reading.
    """
    received = 0
    try:
        async for chunk in response.content.iter_any():
            received += len(chunk)
            if received > DOWNLOAD_BYTES_MAX:
                cause = f"the video is longer than {DOWNLOAD_BYTES_MAX} bytes"
                break
            yield chunk
        else:
            return
    except Exception as error:  # noqa: BLE001 - every way to fail is the same to a download
        cause = cause_of(error)
    mark.broke = True
    raise ContentError(cause)


def is_compressed(response: ClientResponse) -> bool:
    """Whether the body is not the bytes asked for, although only those were asked for."""
    return response.headers.get("Content-Encoding", "identity").lower() not in ("", "identity")


def lower_headers(response: ClientResponse) -> dict[str, str]:
    """The headers with lower-case names."""
    return {name.lower(): value for name, value in response.headers.items()}
