"""The load generators: so many requests at a time on kept connections, or so many a second whatever comes of them."""

import asyncio
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, cycle, islice
from random import Random
from typing import Final, Self, cast

ANSWER_S_MAX: Final = 20.0
_BUFFER_BYTES: Final = 256 << 10
_KEPT_BYTES: Final = 64 << 10
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_UNREADABLE: Final = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, how long the body was, its bytes if they are few, and when the first of them came."""

    status: int
    length: int
    body: bytes
    first_byte: float


@dataclass(frozen=True, slots=True)
class Load:
    """What came of a number of requests; an error is any answer but 200 with a whole body of the expected length."""

    latencies_s: tuple[float, ...]
    first_bytes_s: tuple[float, ...]
    wall_s: float
    body_bytes: int
    errors: int

    def and_then(self, other: "Load") -> "Load":
        """Add what came of requests that were sent later."""
        return Load(
            self.latencies_s + other.latencies_s,
            self.first_bytes_s + other.first_bytes_s,
            self.wall_s + other.wall_s,
            self.body_bytes + other.body_bytes,
            self.errors + other.errors,
        )


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
        self._first_byte = 0.0
        self._in_body = False
        self._answer: asyncio.Future[Answer] | None = None
        self.lost = False

    @classmethod
    async def opened(cls, port: int) -> "Connection":
        """Connect to a port of loopback."""
        _, connection = await asyncio.get_running_loop().create_connection(cls, "127.0.0.1", port)
        return connection

    async def ask(self, request: bytes) -> Answer:
        """Send one request and wait for its whole answer; raises ConnectionError or TimeoutError."""
        self._start.clear()
        self._in_body = False
        self._first_byte = 0.0
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
        if self._in_body:
            if not self._first_byte and self._missing < self._length:
                self._first_byte = time.perf_counter()
            if self._missing <= 0:
                self._end()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionResetError("the server hung up"))

    def _read_head(self) -> None:
        end = self._start.find(b"\r\n\r\n")
        if end < 0:
            return
        length = _LENGTH.search(self._start, 0, end + 2)
        self._status = int(self._start[9:12]) if length else _UNREADABLE
        self._length = int(length[1]) if length else 0
        self._missing = self._length - (len(self._start) - end - 4)
        self._in_body = True
        del self._start[: end + 4]

    def _end(self) -> None:
        if self._answer is not None and not self._answer.done():
            body = bytes(self._start) if self._length <= _KEPT_BYTES else b""
            self._answer.set_result(Answer(self._status, self._length, body, self._first_byte))


class Asked:
    """What came of requests so far. `length` is what every body has to be long."""

    def __init__(self, length: int | None = None) -> None:
        self.bodies: list[bytes] = []
        """The small ones of answers that were right, as they came."""
        self._length = length
        self._latencies: list[float] = []
        self._first_bytes: list[float] = []
        self._received = 0
        self._started = time.perf_counter()

    async def ask(self, connection: Connection, request: bytes) -> bool:
        """Send one request; False when the connection broke."""
        started = time.perf_counter()
        try:
            answer = await connection.ask(request)
        except (ConnectionError, TimeoutError):
            return False
        if answer.status == 200 and self._length in (None, answer.length):
            self._latencies.append(time.perf_counter() - started)
            self._first_bytes.append(answer.first_byte - started)
            self._received += answer.length
            self.bodies.append(answer.body)
        return True

    def take(self, other: "Asked") -> None:
        """Count what came of other requests among these."""
        self._latencies += other._latencies
        self._first_bytes += other._first_bytes
        self._received += other._received

    def load(self, count: int) -> Load:
        """Sum up when all have their answer."""
        wall_s = time.perf_counter() - self._started
        errors = count - len(self._latencies)
        return Load(tuple(self._latencies), tuple(self._first_bytes), wall_s, self._received, errors)


class Pool:
    """Kept connections to one port, as many as have been needed at once."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[Connection] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for connection in self._idle:
            connection.close()

    async def ask(self, asked: Asked, request: bytes) -> None:
        """Send a request on the connection that was used last, or on a new one."""
        connection = self._free() or await Connection.opened(self._port)
        if await asked.ask(connection, request):
            self._idle.append(connection)

    def _free(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if not connection.lost:
                return connection
        return None


async def drive(
    port: int, requests: Sequence[bytes], count: int, concurrency: int, length: int | None = None
) -> tuple[Load, list[bytes]]:
    """Send `count` of the requests in turn, `concurrency` at a time; return also the small bodies that came."""
    queue = islice(cycle(requests), count)
    connections = [await Connection.opened(port) for _ in range(concurrency)]
    asked = Asked(length)
    await asyncio.gather(*(_worker(connection, queue, asked) for connection in connections))
    load = asked.load(count)
    for connection in connections:
        connection.close()
    return load, asked.bodies


async def drive_at(
    port: int, requests: Sequence[bytes], moments_s: Sequence[float], length: int | None = None
) -> tuple[Load, list[bytes]]:
    """Send one of the requests at each moment, whatever has become of those before it."""
    asked, started = Asked(length), time.perf_counter()
    async with Pool(port) as pool, asyncio.TaskGroup() as sending:
        for moment_s, request in zip(moments_s, cycle(requests), strict=False):
            await asyncio.sleep(started + moment_s - time.perf_counter())
            sending.create_task(pool.ask(asked, request))
    return asked.load(len(moments_s)), asked.bodies


def poisson(per_s: float, count: int, seed: int) -> tuple[float, ...]:
    """Draw the moments of requests that come so often, independently of each other."""
    rng = Random(seed)
    return tuple(accumulate(rng.expovariate(per_s) for _ in range(count)))


async def _worker(connection: Connection, queue: Iterator[bytes], asked: Asked) -> None:
    """Ask until the queue is empty; a connection that breaks ends its worker, and what it asked is an error."""
    for request in queue:
        if not await asked.ask(connection, request):
            return
