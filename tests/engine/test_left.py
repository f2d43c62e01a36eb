"""Whether a request left: exactly one of not sent, answered, no answer, whatever becomes of the connection when."""

import asyncio
import queue
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import ClientError, ClientSession, TCPConnector
from hypothesis import given, settings
from hypothesis import strategies as st

from providers import openai
from providers.adapter import FormPart, HttpRequest, HttpResponse
from providers.canonical import Failure, Reason
from providers.reading import read_submit
from router.core.events import Operation
from router.engine.exchange import NoAnswer, NotSent
from router.engine.sessions import Mark, MarkedBody
from tests.engine import chaos
from tests.engine.chaos import Visit, answering, http, unused_port
from tests.engine.outside import FAST, outside

SMALL = HttpRequest("POST", "/v1/videos", json={"prompt": "a cat"})
LARGE = HttpRequest("POST", "/v1/videos", json={"image": "x" * (32 << 20)})
WHOLE = http(200, b'{"id": "1"}')


class Counted:
    """How many bytes a server has read, over all its connections."""

    def __init__(self) -> None:
        self.bytes = 0

    async def read(self, visit: Visit, count: int) -> None:
        """Read so many bytes, or up to the end."""
        left = count
        while left and (data := await visit.reader.read(min(left, 1 << 16))):
            self.bytes += len(data)
            left -= len(data)


async def submitted(server: chaos.Chaos, request: HttpRequest = SMALL, **options):
    async with outside(server.url, **options) as out:
        return await out.transport.send("relay", Operation.SUBMIT, request)


# Between the connection and the first byte


@contextmanager
def hanging_up() -> Iterator[tuple[int, queue.Queue[int]]]:
    """End every connection as soon as it is there, beside the loop; yield the port, and how much each one carried."""
    carried: queue.Queue[int] = queue.Queue()

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection:
                    connection.shutdown(socket.SHUT_WR)
                    carried.put(_rest(connection))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1], carried
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def _rest(connection: socket.socket) -> int:
    count = 0
    with suppress(ConnectionError):
        while data := connection.recv(1 << 16):
            count += len(data)
    return count


async def test_a_connection_that_ends_at_once_is_not_sent_where_it_carried_nothing_and_only_there():
    """Which comes first, its end or the first byte, is the machine's choice."""
    with hanging_up() as (port, carried):
        async with outside(f"http://127.0.0.1:{port}") as out:
            for _ in range(40):
                outcome = await out.transport.send("relay", Operation.SUBMIT, SMALL)
                count = await asyncio.to_thread(carried.get, timeout=10)
                assert isinstance(outcome, NotSent if count == 0 else NoAnswer), (outcome, count)


@pytest.mark.parametrize("length", [10, 3 << 20])
async def test_a_body_that_finds_its_connection_closed_has_not_left(length):
    """The connection ends while the body waits to be written, which no other side could bring about on purpose."""
    counted, connected = Counted(), asyncio.Event()

    async def hang_up(visit: Visit) -> None:
        connected.set()
        visit.writer.write_eof()
        await counted.read(visit, 1 << 24)

    class Waiting(MarkedBody):
        async def write_with_length(self, writer, content_length):
            await connected.wait()
            while not writer.transport.is_closing():
                await asyncio.sleep(0.001)
            await super().write_with_length(writer, content_length)

    mark = Mark()
    async with chaos.chaos(hang_up) as server, ClientSession(connector=TCPConnector(force_close=True)) as session:
        with pytest.raises(ClientError):
            await session.post(server.url, data=Waiting(b"x" * length, mark))
        assert (mark.left, counted.bytes) == (False, 0)


async def test_nothing_leaves_before_the_first_byte_of_the_body():
    may_write = asyncio.Event()

    class Waiting(MarkedBody):
        async def write_with_length(self, writer, content_length):
            await may_write.wait()
            await super().write_with_length(writer, content_length)

    counted, visited = Counted(), asyncio.Event()

    async def answer(visit: Visit) -> None:
        visited.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(0.1):
                await counted.read(visit, 1)
        assert counted.bytes == 0
        may_write.set()
        await visit.read_request()
        await visit.write(WHOLE)

    mark = Mark()
    async with chaos.chaos(answer) as server, ClientSession() as session:
        sending = asyncio.create_task(session.post(server.url, data=Waiting(b"body", mark)))
        await visited.wait()
        assert not mark.left
        assert (await sending).status == 200
        assert mark.left
        assert counted.bytes == 0
        assert server.requests[0].endswith(b"\r\n\r\nbody")


@pytest.mark.parametrize("name", ["X-Evil\r\n", "X-Evil"])
async def test_a_header_that_no_wire_may_carry_is_not_sent(name):
    request = replace(SMALL, headers={name: "1\r\nX-Evil: 1"})
    async with chaos.chaos(answering(WHOLE)) as server:
        assert isinstance(await submitted(server, request), NotSent)
        assert server.requests == []


# While it is sent


@pytest.mark.parametrize("end", ["reset", "close"])
@pytest.mark.parametrize("read", [1, 60, 1 << 16, 1 << 20])
async def test_a_body_that_breaks_off_half_way_has_no_answer(read, end):
    counted = Counted()

    async def break_off(visit: Visit) -> None:
        await counted.read(visit, read)
        if end == "reset":
            visit.reset()

    async with chaos.chaos(break_off) as server:
        assert isinstance(await submitted(server, LARGE), NoAnswer)
        assert counted.bytes == read


async def test_a_form_that_breaks_off_half_way_has_no_answer():
    async def break_off(visit: Visit) -> None:
        await visit.reader.readexactly(1 << 16)
        visit.reset()

    form = (FormPart("prompt", "a cat"), FormPart("input_reference", bytes(8 << 20), "a.png", "image/png"))
    async with chaos.chaos(break_off) as server:
        assert isinstance(await submitted(server, HttpRequest("POST", "/v1/videos", form=form)), NoAnswer)


async def test_a_submit_whose_time_ends_while_it_is_sent_has_no_answer():
    async with chaos.chaos(chaos.stall_before_reading) as server:
        outcome = await submitted(server, LARGE)
        assert outcome == NoAnswer("no complete answer in time")


async def test_an_answer_to_half_a_body_followed_by_the_end_is_never_not_sent():
    async def hasty(visit: Visit) -> None:
        await visit.reader.readuntil(b"\r\n\r\n")
        await visit.write(http(413, b"too much"))

    async with chaos.chaos(hasty) as server:
        for _ in range(5):
            outcome = await submitted(server, LARGE)
            # What was still on its way resets the connection, which may overtake the answer.
            assert isinstance(outcome, NoAnswer) or (isinstance(outcome, HttpResponse) and outcome.status == 413)


@pytest.mark.parametrize("large", [False, True])
async def test_a_cancelled_exchange_says_nothing_wherever_it_is(large):
    request = LARGE if large else SMALL
    slow = replace(FAST, connect_s=30.0, submit_s=30.0)
    for behaviour in (chaos.stall_before_reading, chaos.stall_in_the_body):
        async with chaos.chaos(behaviour) as server:
            for url in (server.url, server.url.replace("http://", "https://")):
                async with outside(url, timeouts=slow) as out:
                    task = asyncio.create_task(out.transport.send("relay", Operation.SUBMIT, request))
                    await asyncio.sleep(0.03)
                    task.cancel()
                    with pytest.raises(asyncio.CancelledError):
                        await task
                    assert not out.events


# What comes before, and instead of, an answer


@pytest.mark.parametrize("early", [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"])
async def test_what_is_said_before_the_answer_is_no_answer(early):
    async with chaos.chaos(answering(early * 3 + WHOLE)) as server:
        outcome = await submitted(server)
        assert isinstance(outcome, HttpResponse)
        assert (outcome.status, outcome.document()) == (200, {"id": "1"})
    async with chaos.chaos(answering(early)) as server:
        assert isinstance(await submitted(server), NoAnswer)


async def test_saying_continue_for_ever_is_no_answer():
    async def go_on(visit: Visit) -> None:
        await visit.read_request()
        while True:
            await visit.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            await asyncio.sleep(0.02)

    async with chaos.chaos(go_on) as server:
        assert await submitted(server) == NoAnswer("no complete answer in time")


async def test_a_change_of_protocol_is_never_a_submit_that_was_not_sent():
    switched = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"
    async with chaos.chaos(answering(switched)) as server:
        assert not isinstance(await submitted(server), NotSent)


@pytest.mark.parametrize("length", ["", "Content-Length: 11\r\n"])
async def test_an_answer_of_http_1_0_ends_with_its_connection_or_its_length(length):
    async with chaos.chaos(answering(f'HTTP/1.0 200 OK\r\n{length}\r\n{{"id": "1"}}'.encode())) as server:
        outcome = await submitted(server)
        assert isinstance(outcome, HttpResponse)
        assert (outcome.status, outcome.document()) == (200, {"id": "1"})


async def test_a_reset_after_the_whole_answer_does_not_take_it_back():
    async def answer(visit: Visit) -> None:
        await visit.read_request()
        await visit.write(WHOLE)
        visit.reset()

    async with chaos.chaos(answer) as server:
        for _ in range(10):
            outcome = await submitted(server)
            assert isinstance(outcome, HttpResponse)
            assert outcome.document() == {"id": "1"}


@pytest.mark.parametrize("reset", [False, True])
async def test_half_an_answer_without_a_length_proves_nothing(reset):
    """The end of its connection looks like its own: only its JSON tells that it is half."""

    async def answer(visit: Visit) -> None:
        await visit.read_request()
        await visit.write(b'HTTP/1.1 200 OK\r\n\r\n{"id": "1"')
        if reset:
            visit.reset()

    async with chaos.chaos(answer) as server:
        outcome = await submitted(server)
        assert not isinstance(outcome, NotSent)
        if isinstance(outcome, HttpResponse):
            reading = read_submit(openai, outcome)
            assert isinstance(reading, Failure)
            assert reading.reason is Reason.AMBIGUOUS


@pytest.mark.parametrize("slow", ["headers", "body"])
async def test_an_answer_that_trickles_past_the_time_of_the_submit_is_none(slow):
    async def trickle(visit: Visit) -> None:
        await visit.read_request()
        head, _, body = WHOLE.partition(b"\r\n\r\n")
        if slow == "body":
            await visit.write(head + b"\r\n\r\n")
        for byte in body if slow == "body" else head:
            await visit.write(bytes([byte]))
            await asyncio.sleep(0.1)

    async with chaos.chaos(trickle) as server:
        assert await submitted(server) == NoAnswer("no complete answer in time")


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_submit_goes_to_its_upstream_whatever_proxies_the_environment_names(monkeypatch, tmp_path, scheme):
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{unused_port()}")
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    async with chaos.chaos(answering(WHOLE)) as server:
        if scheme == "https":
            assert await submitted(server) is not None
            async with outside(server.url.replace("http://", "https://")) as out:
                await out.transport.send("relay", Operation.SUBMIT, SMALL)
            assert server.visits == 2
        else:
            assert isinstance(await submitted(server), HttpResponse)
            assert b"Authorization: Bearer " in server.requests[0]


# Any conduct

_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("read"), st.sampled_from([1, 50, 200, 1 << 16, 1 << 20])),
        st.tuples(
            st.just("write"),
            st.sampled_from([WHOLE, WHOLE[:9], WHOLE[9:], b"\r\n", b"HTTP/1.1 100 Continue\r\n\r\n", b"?"]),
        ),
        st.tuples(st.just("end"), st.just(0)),
        st.tuples(st.just("wait"), st.sampled_from([0.0, 0.001, 0.01])),
    ),
    max_size=6,
)


async def conduct(visit: Visit, steps: list[tuple[str, Any]], counted: Counted, wrote: bytearray) -> None:
    for step, argument in steps:
        match step:
            case "read":
                await counted.read(visit, argument)
            case "write" if not visit.writer.transport.is_closing():
                wrote.extend(argument)
                await visit.write(argument)
            case "end":
                with suppress(OSError):
                    visit.writer.write_eof()
            case "wait":
                await asyncio.sleep(argument)


@settings(max_examples=60, deadline=None)
@given(steps=_STEPS, reset=st.booleans(), large=st.booleans())
async def test_a_request_of_which_one_byte_arrived_is_never_called_not_sent(steps, reset, large):
    counted, wrote = Counted(), bytearray()

    async def behave(visit: Visit) -> None:
        await conduct(visit, steps, counted, wrote)
        if reset:
            visit.reset()
        else:
            await counted.read(visit, 1 << 30)

    request = replace(LARGE, json={"image": "x" * (1 << 20)}) if large else SMALL
    quick = replace(FAST, submit_s=0.15)
    async with chaos.chaos(behave) as server, outside(server.url, timeouts=quick) as out:
        outcome = await out.transport.send("relay", Operation.SUBMIT, request)
        await asyncio.sleep(0.005)
        match outcome:
            case NotSent():
                assert counted.bytes == 0
            case HttpResponse():
                assert b"HTTP/1.1 200" in wrote
            case NoAnswer():
                pass
        assert len(out.events) == 1


async def test_a_host_with_nobody_at_its_port_is_not_sent_however_large_the_submit():
    async with outside(f"http://127.0.0.1:{unused_port()}") as out:
        assert isinstance(await out.transport.send("relay", Operation.SUBMIT, LARGE), NotSent)


async def test_a_server_that_is_gone_before_the_handshake_ends_is_not_sent():
    async def gone(visit: Visit) -> None:
        await visit.reader.read(5)
        visit.reset()

    async with chaos.chaos(gone) as server, outside(server.url.replace("http://", "https://")) as out:
        outcome = await out.transport.send("relay", Operation.SUBMIT, SMALL)
        assert isinstance(outcome, NotSent)
