"""Submits on kept connections: whatever ends one, and when, a submit is sent once, and NotSent is the truth."""

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace

import pytest

from providers.adapter import HttpRequest, HttpResponse
from router.core.events import Operation
from router.engine.exchange import NoAnswer, NotSent, Outcome
from tests.engine import chaos
from tests.engine.chaos import Visit, answering, http, keeping_alive
from tests.engine.outside import FAST, Outside, outside

SMALL = HttpRequest("POST", "/v1/videos", json={"prompt": "a cat"})
LARGE = HttpRequest("POST", "/v1/videos", json={"image": "x" * (8 << 20)})
WHOLE = http(200, b'{"id": "1"}')
STRAY = http(408, b'{"error": "you are too slow"}', Connection="close")


async def submitted(out: Outside, request: HttpRequest = SMALL) -> Outcome:
    return await out.transport.send("relay", Operation.SUBMIT, request)


def finish(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_WR)


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def say_something(connection: socket.socket) -> None:
    connection.sendall(STRAY)


def say_something_and_finish(connection: socket.socket) -> None:
    say_something(connection)
    finish(connection)


@dataclass
class Idle:
    """A server beside the loop: it answers the first request, and once that was `answered` ends the idle connection."""

    port: int
    answered: threading.Event = field(default_factory=threading.Event)
    did_it: threading.Event = field(default_factory=threading.Event)
    carried: list[bytes] = field(default_factory=list)


@contextmanager
def idling(then: Callable[[socket.socket], None], *, goes: bool = False) -> Iterator[Idle]:
    """Serve; `carried` is what each connection brought after its first request. One that `goes` takes only one."""

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(1 << 16)
                    connection.sendall(WHOLE)
                    if goes:
                        listener.close()
                    if not idle.did_it.is_set() and idle.answered.wait(10):
                        then(connection)
                        idle.did_it.set()
                        idle.carried.append(rest(connection))

    listener = socket.create_server(("127.0.0.1", 0))
    idle = Idle(listener.getsockname()[1])
    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield idle
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def rest(connection: socket.socket) -> bytes:
    data = b""
    with suppress(OSError):
        connection.settimeout(5)
        while more := connection.recv(1 << 16):
            data += more
    return data


def say_half(connection: socket.socket) -> None:
    connection.sendall(STRAY[:-9])


ENDS = [finish, reset, say_something, say_something_and_finish, say_half]


@pytest.mark.parametrize("end", ENDS)
async def test_a_submit_never_leaves_on_a_connection_that_ended_before_the_loop_was_told(end):
    with idling(end) as idle:
        async with outside(f"http://127.0.0.1:{idle.port}") as out:
            assert isinstance(await submitted(out), HttpResponse)
            idle.answered.set()
            # Which holds up the loop, so that it hears of the end only after the next submit has begun.
            assert idle.did_it.wait(10)
            answer = await submitted(out)
            assert isinstance(answer, HttpResponse)
            assert answer.status == 200
            assert len(out.events) == 2
    assert idle.carried == [b""]


@pytest.mark.parametrize("end", ENDS)
async def test_nor_on_one_whose_end_the_loop_has_seen(end):
    with idling(end) as idle:
        async with outside(f"http://127.0.0.1:{idle.port}") as out:
            await submitted(out)
            idle.answered.set()
            assert await asyncio.to_thread(idle.did_it.wait, 10)
            await asyncio.sleep(0.02)
            answer = await submitted(out)
            assert isinstance(answer, HttpResponse)
            assert answer.status == 200
    assert idle.carried == [b""]


async def test_one_that_finds_its_connection_ended_and_nobody_else_there_is_not_sent():
    with idling(finish, goes=True) as idle:
        async with outside(f"http://127.0.0.1:{idle.port}") as out:
            await submitted(out)
            idle.answered.set()
            assert idle.did_it.wait(10)
            assert await submitted(out) == NotSent("no connection: connection refused")
            assert len(out.events) == 2
    assert idle.carried == [b""]


async def answered_once(visit: Visit) -> None:
    await visit.read_request()
    await visit.write(WHOLE)


async def close_on_the_second(visit: Visit) -> None:
    await answered_once(visit)
    await visit.read_request()


async def reset_on_the_second(visit: Visit) -> None:
    await close_on_the_second(visit)
    visit.reset()


async def close_in_the_second(visit: Visit) -> None:
    await answered_once(visit)
    await visit.reader.readexactly(1)


async def reset_in_the_second(visit: Visit) -> None:
    await close_in_the_second(visit)
    visit.reset()


@pytest.mark.parametrize("request_", [SMALL, LARGE])
@pytest.mark.parametrize("end", [close_on_the_second, reset_on_the_second, close_in_the_second, reset_in_the_second])
async def test_one_of_which_anything_arrived_on_a_kept_connection_has_no_answer_and_is_never_repeated(end, request_):
    patient = replace(FAST, submit_s=5.0)
    async with chaos.chaos(end, answering(WHOLE)) as server, outside(server.url, timeouts=patient) as out:
        assert isinstance(await submitted(out), HttpResponse)
        assert isinstance(await submitted(out, request_), NoAnswer)
        assert server.visits == 1


async def test_submits_one_after_the_other_share_a_connection():
    async with chaos.chaos(keeping_alive(WHOLE)) as server, outside(server.url) as out:
        for _ in range(4):
            assert isinstance(await submitted(out), HttpResponse)
        assert (server.visits, len(server.requests)) == (1, 4)
        assert b"Connection: close" not in server.requests[-1]


async def test_submits_and_polls_do_not_share_one():
    async with chaos.chaos(keeping_alive(WHOLE)) as server, outside(server.url) as out:
        await submitted(out)
        await out.transport.send("relay", Operation.POLL, HttpRequest("GET", "/v1/videos/1"))
        assert server.visits == 2


async def test_a_connection_idle_for_longer_than_it_may_be_is_not_used_again():
    brief = replace(FAST, submit_keepalive_s=0.02)
    async with chaos.chaos(keeping_alive(WHOLE)) as server, outside(server.url, timeouts=brief) as out:
        await submitted(out)
        await asyncio.sleep(0.05)
        await submitted(out)
        assert server.visits == 2


async def test_an_upstream_that_says_it_closes_is_believed():
    said = keeping_alive(http(200, b'{"id": "1"}', Connection="close"))
    async with chaos.chaos(said) as server, outside(server.url) as out:
        for _ in range(3):
            assert isinstance(await submitted(out), HttpResponse)
        assert server.visits == 3


async def test_a_connection_whose_submit_was_answered_before_it_was_sent_whole_is_not_used_again():
    async def refuse(visit: Visit) -> None:
        await visit.reader.readuntil(b"\r\n\r\n")
        await visit.write(http(413, b"{}"))
        while await visit.reader.read(1 << 16):
            pass

    async with chaos.chaos(refuse, answering(WHOLE)) as server, outside(server.url) as out:
        refused = await submitted(out, LARGE)
        assert isinstance(refused, HttpResponse)
        assert refused.status == 413
        assert isinstance(await submitted(out), HttpResponse)
        assert server.visits == 2


async def test_one_whose_answer_did_not_come_in_time_is_not_used_again():
    async def stall(visit: Visit) -> None:
        await visit.read_request()
        await chaos.forever()

    async with chaos.chaos(stall, answering(WHOLE)) as server, outside(server.url) as out:
        assert isinstance(await submitted(out), NoAnswer)
        answer = await submitted(out)
        assert isinstance(answer, HttpResponse)
        assert server.visits == 2
