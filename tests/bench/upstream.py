"""A fake upstream of the `openai` dialect, as light as Python allows: it reads no JSON and keeps no jobs.

What becomes of a job, its id says: `run_` goes on for ever, `done_` is finished, `due_` will be at a moment, and so
will `told_`, which tells its progress until then.
"""

import asyncio
import re
import time
from collections import Counter
from dataclasses import dataclass
from functools import cache
from math import log, sqrt
from random import Random
from typing import Final, Protocol, cast

from providers.canonical import Size
from providers.sandbox.clips import video

RUNNING_MODEL: Final = "bench-running"
TIMED_MODEL: Final = "bench-timed"
TOLD_MODEL: Final = "bench-told"
"""As long as those of TIMED_MODEL, and true about its progress."""
MIB: Final = 1 << 20
VIDEO_MIB: Final = (8, 64, 1024)
FINISHED_MODEL: Final = "bench-finished-8"
CONTENT_BYTES: Final = 8 * MIB
LISTED: Final = 20
COMPRESSION: Final = 50.0
"""How much faster than in reality a timed job and everybody who asks for it are."""
CLIP_S: Final = (60.0, 180.0)
"""How long a clip of ten seconds takes in reality, from the 5th to the 95th percentile, lognormal."""

_PIECE: Final = memoryview(bytes(256 << 10))
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CLOSE: Final = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
_MODEL: Final = re.compile(rb"bench-(?:(running)|(timed)|(told)|finished-(\d{1,4}))")
_SIGMAS_5_TO_95: Final = 2 * 1.645


def finished_model(mib: int) -> str:
    """Name the model whose videos are finished from the start, and so long."""
    return f"bench-finished-{mib}"


@dataclass(frozen=True, slots=True)
class Reply:
    """The first bytes of an answer, and how many zeros follow them."""

    start: bytes
    zeros: int = 0


class Answering(Protocol):
    """Who answers on a connection."""

    def answer(self, head: bytes, body: bytes) -> Reply: ...


class Upstream:
    """Accepts every create, and serves playable MP4s.

    `seen` counts requests by what they ask for, `delivered` the answers that called a video finished.
    """

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        self.delivered = 0
        self._durations = Random(7)

    async def listen(self) -> int:
        """Listen on a free port of loopback and return it; the loop's end is the listener's."""
        return await listen(self)

    def answer(self, head: bytes, body: bytes) -> Reply:
        """Answer one request, whatever its key."""
        method, path, _ = head.split(b" ", 2)
        if method == b"POST" and path == b"/v1/videos":
            self.seen["create"] += 1
            return _document(self._new_id(body), b"queued")
        video_id, _, rest = path.removeprefix(b"/v1/videos").removeprefix(b"/").partition(b"/")
        if rest.startswith(b"content"):
            self.seen["content"] += 1
            return _content(int(video_id.split(b"_")[1]))
        if not video_id or video_id.startswith(b"?"):
            self.seen["list"] += 1
            return _list()
        self.seen["retrieve"] += 1
        done = _is_done(video_id)
        self.delivered += done
        return _document(video_id, b"completed" if done else b"in_progress")

    def _new_id(self, body: bytes) -> bytes:
        found = _MODEL.search(body)
        running, timed, told, mib = found.groups() if found else (b"running", None, None, None)
        number, now = self.seen["create"], _now_ms()
        if timed or told:
            due = now + 1e3 * self._duration_s()
            return b"%b_0_%d_%d_%d" % (b"told" if told else b"due", due, now, number)
        return b"run_%d" % number if running else b"done_%b_%d" % (mib, number)

    def _duration_s(self) -> float:
        """Draw how long a clip takes, time compressed."""
        least, most = CLIP_S
        sigma = log(most / least) / _SIGMAS_5_TO_95
        return self._durations.lognormvariate(log(sqrt(least * most)), sigma) / COMPRESSION


class Collector:
    """Takes spans as OTLP over HTTP and counts the exports, without reading them."""

    def __init__(self) -> None:
        self.exports = 0

    async def listen(self) -> int:
        """Listen on a free port of loopback and return it; the loop's end is the listener's."""
        return await listen(self)

    def answer(self, head: bytes, body: bytes) -> Reply:
        """Take an export."""
        self.exports += head.startswith(b"POST /v1/traces ") and bool(body)
        return Reply(_head(b"application/x-protobuf", 0))


async def listen(answering: Answering) -> int:
    """Let somebody answer on a free port of loopback."""
    server = await asyncio.get_running_loop().create_server(lambda: _Connection(answering), "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    return port


def _now_ms() -> float:
    return 1e3 * time.monotonic()


def _is_done(video_id: bytes) -> bool:
    kind, _, rest = video_id.partition(b"_")
    return kind == b"done" or (kind in (b"due", b"told") and int(rest.split(b"_")[1]) <= _now_ms())


def _progress(video_id: bytes) -> int:
    """Return how far a job is that tells it, in percent."""
    kind, _, rest = video_id.partition(b"_")
    if kind != b"told":
        return 0
    due, begun = map(int, rest.split(b"_")[1:3])
    return min(100, int(100 * (_now_ms() - begun) / (due - begun)))


def _document(video_id: bytes, status: bytes) -> Reply:
    body = _video_object(video_id, status, _progress(video_id))
    return Reply(_head(b"application/json", len(body)) + body)


@cache
def _list() -> Reply:
    """Return a page of the newest videos, the same every time."""
    videos = b",".join(_video_object(b"run_%d" % number, b"in_progress") for number in range(LISTED))
    body = b'{"object":"list","data":[%b],"has_more":false}' % videos
    return Reply(_head(b"application/json", len(body)) + body)


def _video_object(video_id: bytes, status: bytes, progress: int = 0) -> bytes:
    return (
        b'{"id":"%b","object":"video","model":"sora-2","status":"%b","progress":%d,"created_at":1790000000,'
        b'"completed_at":null,"expires_at":null,"seconds":"8","size":"720x1280","quality":"standard",'
        b'"remixed_from_video_id":null,"error":null}'
    ) % (video_id, status, progress)


@cache
def _content(mib: int) -> Reply:
    """Return an MP4 of so many MiB: a clip, and a `free` box (ISO/IEC 14496-12, 8.1.2) behind it. Of 0: the clip."""
    clip = video(Size(720, 1280), 8)
    free_bytes = mib * MIB - len(clip)
    if not mib:
        return Reply(_head(b"video/mp4", len(clip)) + clip)
    start = _head(b"video/mp4", mib * MIB) + clip + free_bytes.to_bytes(4) + b"free"
    return Reply(start, free_bytes - 8)


def _head(media_type: bytes, length: int) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n" % (media_type, length)


class _Connection(asyncio.Protocol):
    """One kept connection; requests on it come one after the other."""

    def __init__(self, answering: Answering) -> None:
        self._answering = answering
        self._received = b""
        self._zeros = 0
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
        reply = self._answering.answer(head, body)
        self._zeros = reply.zeros
        self._transport.write(reply.start)
        self._go_on()

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self._go_on()

    def connection_lost(self, exc: Exception | None) -> None:
        self._zeros = 0

    def _go_on(self) -> None:
        """Write the zeros piece by piece, as fast as they are taken."""
        while self._zeros and not self._paused:
            piece = _PIECE[: self._zeros]
            self._zeros -= len(piece)
            self._transport.write(piece)
        if self._closing and not self._zeros:
            self._transport.close()
