"""A TCP server that answers as badly as told, and keeps what it was sent."""

import asyncio
import contextlib
import gzip
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

Behaviour = Callable[["Visit"], Awaitable[None]]


@dataclass
class Visit:
    """One connection and the request read from it so far."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    requests: list[bytes]

    async def read_request(self) -> bytes:
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
        )
        request = head + await self.reader.readexactly(length)
        self.requests.append(request)
        return request

    async def write(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def reset(self) -> None:
        """Close with RST instead of FIN."""
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


@dataclass
class Chaos:
    port: int
    requests: list[bytes] = field(default_factory=list)
    visits: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def host_port(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def seen(self, count: int) -> None:
        while len(self.requests) < count:
            await asyncio.sleep(0.005)


@asynccontextmanager
async def chaos(*behaviours: Behaviour) -> AsyncIterator[Chaos]:
    """Serve each connection with the next behaviour, the last one for all that follow."""
    chaos = Chaos(0)
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        behaviour = behaviours[min(chaos.visits, len(behaviours) - 1)]
        chaos.visits += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await behaviour(Visit(reader, writer, chaos.requests))
        writer.close()
        tasks.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    chaos.port = server.sockets[0].getsockname()[1]
    try:
        yield chaos
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def forever() -> None:
    await asyncio.Event().wait()


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answering(data: bytes) -> Behaviour:
    """Read the request, write these bytes, close."""

    async def behave(visit: Visit) -> None:
        await visit.read_request()
        await visit.write(data)

    return behave


def http(status: int, body: bytes = b"", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def keeping_alive(data: bytes) -> Behaviour:
    async def behave(visit: Visit) -> None:
        while True:
            await visit.read_request()
            await visit.write(data)

    return behave


async def close_before_reading(visit: Visit) -> None:
    return


async def reset_before_reading(visit: Visit) -> None:
    visit.reset()


async def reset_after_reading(visit: Visit) -> None:
    await visit.read_request()
    visit.reset()


async def reset_in_the_body(visit: Visit) -> None:
    await visit.read_request()
    await visit.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
    visit.reset()


async def stall(visit: Visit) -> None:
    await visit.read_request()
    await forever()


async def stall_before_reading(visit: Visit) -> None:
    await forever()


async def stall_in_the_body(visit: Visit) -> None:
    await visit.read_request()
    await visit.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
    await forever()


async def drip(visit: Visit) -> None:
    await visit.read_request()
    await visit.write(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\nSet-Cookie: a=b\r\n\r\n")
    for _ in range(20):
        await asyncio.sleep(0.02)
        await visit.write(b"x")


close_after_reading = answering(b"")
half_a_status_line = answering(b"HTTP/1.1 2")
not_http = answering(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
half_the_headers = answering(b"HTTP/1.1 200 OK\r\nContent-Length: 1")
half_a_body = answering(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"id"')
half_a_chunk = answering(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{"id"')
broken_chunking = answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnot hex\r\n")
endless_header = answering(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n")
too_long = answering(http(200, b" " * ((1 << 20) + 1)))
gzip_bomb = answering(http(200, gzip.compress(bytes(64 << 20)), Content_Encoding="gzip"))
broken_gzip = answering(http(200, b"\x1f\x8bnot gzip at all", Content_Encoding="gzip"))
