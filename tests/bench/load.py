"""The load generator: a closed loop of kept connections, each with one request under way."""

import asyncio
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Final, cast

ANSWER_S_MAX: Final = 20.0
_BUFFER_BYTES: Final = 256 << 10
_KEPT_BYTES: Final = 64 << 10
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, how long the body was, and its bytes if they are few."""

    status: int
    length: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Load:
    """What came of a number of requests; an error is any answer but 200 with a whole body of the expected length."""

    latencies_s: tuple[float, ...]
    wall_s: float
    body_bytes: int
    errors: int


def request_bytes(method: str, path: str, key: str, body: bytes = b"") -> bytes:
    """Write a request once, to be sent many times."""
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n"
    if body:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


class Connection(asyncio.BufferedProtocol):
    """One kept connection. It receives into one buffer, so that a video's bytes cost little here."""

    def __init__(self) -> None:
        self._buffer = bytearray(_BUFFER_BYTES)
        self._start = bytearray()
        self._status = self._length = self._missing = 0
        self._in_body = False
        self._answer: asyncio.Future[Answer] | None = None

    @classmethod
    async def opened(cls, port: int) -> "Connection":
        """Connect to a port of loopback."""
        _, connection = await asyncio.get_running_loop().create_connection(cls, "127.0.0.1", port)
        return connection

    async def ask(self, request: bytes) -> Answer:
        """Send one request and wait for its whole answer; raises ConnectionError or TimeoutError."""
        self._start.clear()
        self._in_body = False
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        async with asyncio.timeout(ANSWER_S_MAX):
            return await self._answer

    def close(self) -> None:
        """Hang up."""
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def get_buffer(self, sizehint: int) -> bytearray:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        if self._in_body:
            self._missing -= nbytes
            if self._length <= _KEPT_BYTES:
                self._start += self._buffer[:nbytes]
        else:
            self._start += self._buffer[:nbytes]
            self._read_head()
        if self._in_body and self._missing <= 0:
            self._end()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionResetError("the server hung up"))

    def _read_head(self) -> None:
        end = self._start.find(b"\r\n\r\n")
        if end < 0:
            return
        length = _LENGTH.search(self._start, 0, end + 2)
        self._status, self._length = int(self._start[9:12]), int(length[1]) if length else 0
        self._missing = self._length - (len(self._start) - end - 4)
        self._in_body = True
        del self._start[: end + 4]

    def _end(self) -> None:
        if self._answer is not None and not self._answer.done():
            body = bytes(self._start) if self._length <= _KEPT_BYTES else b""
            self._answer.set_result(Answer(self._status, self._length, body))


async def drive(
    port: int, requests: Sequence[bytes], count: int, concurrency: int, length: int | None = None
) -> tuple[Load, list[bytes]]:
    """Send `count` of the requests in turn, `concurrency` at a time; return also the small bodies that came.

    `length` is what every body has to be long.
    """
    queue = islice(cycle(requests), count)
    latencies: list[float] = []
    bodies: list[bytes] = []
    connections = [await Connection.opened(port) for _ in range(concurrency)]
    started = time.perf_counter()
    lengths = await asyncio.gather(*(_worker(each, queue, latencies, bodies, length) for each in connections))
    wall_s = time.perf_counter() - started
    for connection in connections:
        connection.close()
    return Load(tuple(latencies), wall_s, sum(lengths), count - len(latencies)), bodies


async def _worker(
    connection: Connection, queue: Iterator[bytes], latencies: list[float], bodies: list[bytes], length: int | None
) -> int:
    """Ask until the queue is empty; a connection that breaks ends its worker, and what it asked is an error."""
    received = 0
    for request in queue:
        started = time.perf_counter()
        try:
            answer = await connection.ask(request)
        except (ConnectionError, TimeoutError):
            return received
        if answer.status == 200 and length in (None, answer.length):
            latencies.append(time.perf_counter() - started)
            received += answer.length
            bodies.append(answer.body)
    return received
