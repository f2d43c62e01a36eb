"""A fake upstream of the `openai` dialect, as light as Python allows: it reads no JSON and keeps no jobs."""

import asyncio
import re
from collections import Counter
from typing import Final, cast

from providers.canonical import Size
from providers.sandbox.clips import video

RUNNING_MODEL: Final = "bench-running"
FINISHED_MODEL: Final = "bench-finished"
CONTENT_BYTES: Final = 8 << 20

_PIECE_BYTES: Final = 256 << 10
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CLOSE: Final = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)


def padded_clip() -> bytes:
    """Return a playable MP4 of CONTENT_BYTES: a clip, and a `free` box (ISO/IEC 14496-12, 8.1.2) behind it."""
    clip = video(Size(720, 1280), 8)
    free_bytes = CONTENT_BYTES - len(clip)
    return clip + free_bytes.to_bytes(4) + b"free" + bytes(free_bytes - 8)


class Upstream:
    """Accepts every create. What a model makes is finished from the start, or never; the id says which."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        self._video = memoryview(padded_clip())

    async def listen(self) -> int:
        """Listen on a free port of loopback and return it; the loop's end is the listener's."""
        server = await asyncio.get_running_loop().create_server(lambda: _Connection(self), "127.0.0.1", 0)
        port: int = server.sockets[0].getsockname()[1]
        return port

    def answer(self, head: bytes, body: bytes) -> tuple[bytes, memoryview | None]:
        """Return the head and the start of an answer, and the video that follows it, if one does."""
        method, path, _ = head.split(b" ", 2)
        if method == b"POST" and path == b"/v1/videos":
            self.seen["create"] += 1
            kind = b"done" if FINISHED_MODEL.encode() in body else b"run"
            return _document(kind + b"_%d" % self.seen["create"], b"queued"), None
        video_id, _, rest = path.removeprefix(b"/v1/videos/").partition(b"/")
        if rest == b"content":
            self.seen["content"] += 1
            return _head(b"video/mp4", len(self._video)), self._video
        self.seen["retrieve"] += 1
        return _document(video_id, b"completed" if video_id.startswith(b"done") else b"in_progress"), None


def _document(video_id: bytes, status: bytes) -> bytes:
    body = (
        b'{"id":"%b","object":"video","model":"sora-2","status":"%b","progress":0,"created_at":1790000000,'
        b'"completed_at":null,"expires_at":null,"seconds":"8","size":"720x1280","quality":"standard",'
        b'"remixed_from_video_id":null,"error":null}'
    ) % (video_id, status)
    return _head(b"application/json", len(body)) + body


def _head(media_type: bytes, length: int) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n" % (media_type, length)


class _Connection(asyncio.Protocol):
    """One kept connection; requests on it come one after the other."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._received = b""
        self._left: memoryview | None = None
        self._paused = False
        self._closing = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._received[: end + 2]
        length = _LENGTH.search(head)
        whole = end + 4 + (int(length[1]) if length else 0)
        if len(self._received) < whole:
            return
        body, self._received = self._received[end + 4 : whole], self._received[whole:]
        self._closing = _CLOSE.search(head) is not None
        answer, self._left = self._upstream.answer(head, body)
        self._transport.write(answer)
        self._go_on()

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self._go_on()

    def _go_on(self) -> None:
        """Write the video piece by piece, as fast as it is taken."""
        while self._left and not self._paused:
            piece, self._left = self._left[:_PIECE_BYTES], self._left[_PIECE_BYTES:]
            self._transport.write(piece)
        if self._closing and not self._left:
            self._transport.close()
