import asyncio
import io
from typing import Any

import pytest

from router.observe.line_writer import LineWriter, whole


class Pipe(io.StringIO):
    """Shows what went out; `broken` once nobody reads it."""

    def __init__(self) -> None:
        super().__init__()
        self.out, self.broken = list[str](), False

    def flush(self) -> None:
        if self.broken:
            raise BrokenPipeError
        self.out.append(self.getvalue())
        self.seek(0)
        self.truncate()


async def test_lines_of_one_turn_go_out_together_when_it_is_over():
    pipe = Pipe()
    writer = LineWriter(pipe)
    for turn in ("a", "b"):
        writer.write(f"{turn}1\n", at_once=False)
        writer.write(f"{turn}2\n", at_once=False)
        await asyncio.sleep(0)
    assert pipe.out == ["a1\na2\n", "b1\nb2\n"]


async def test_an_error_goes_out_at_once_behind_what_was_before_it():
    pipe = Pipe()
    writer = LineWriter(pipe)
    writer.write("a\n", at_once=False)
    writer.write("b\n", at_once=True)
    assert pipe.out == ["a\nb\n"]


def test_without_a_loop_every_line_goes_out_at_once():
    pipe = Pipe()
    writer = LineWriter(pipe)
    writer.write("a\n", at_once=False)
    writer.write("b\n", at_once=False)
    assert pipe.out == ["a\n", "b\n"]


def test_a_loop_that_ended_before_its_turn_was_over_keeps_no_later_line_back():
    pipe = Pipe()
    writer = LineWriter(pipe)
    loop = asyncio.new_event_loop()
    loop.call_soon(lambda: writer.write("a\n", at_once=False))
    loop.call_soon(loop.stop)
    loop.run_forever()
    loop.close()

    async def another() -> None:
        writer.write("b\n", at_once=False)
        await asyncio.sleep(0)

    asyncio.run(another())
    assert pipe.out == ["a\nb\n"]


async def test_what_cannot_go_out_is_told_to_whoever_counts_it():
    pipe = Pipe()
    writer = LineWriter(pipe)
    failures = list[str]()
    writer.on_failure = lambda: failures.append("told")
    pipe.broken = True
    writer.write("a\n", at_once=False)
    await asyncio.sleep(0)
    assert failures == ["told"]
    with pytest.raises(BrokenPipeError):
        writer.write("b\n", at_once=True)


class Unbuffered(io.RawIOBase):
    """What standard output is written to where PYTHONUNBUFFERED is set; like a pipe, it may take a part only."""

    def __init__(self, takes: int) -> None:
        super().__init__()
        self.out, self._takes = list[bytes](), takes

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.out.append(bytes(data)[: self._takes])
        return len(self.out[-1])


def unbuffered(raw: Unbuffered) -> io.TextIOWrapper:
    return io.TextIOWrapper(raw, encoding="utf-8", write_through=True)  # type: ignore[arg-type]


async def test_a_stream_without_a_buffer_gets_one_write_a_turn():
    raw = Unbuffered(takes=100)
    stream = unbuffered(raw)
    writer = LineWriter(whole(stream))
    writer.write("a\n", at_once=False)
    writer.write("b\n", at_once=False)
    await asyncio.sleep(0)
    assert raw.out == [b"a\nb\n"]


async def test_nothing_is_lost_of_lines_that_a_pipe_takes_in_parts():
    raw = Unbuffered(takes=7)
    stream = unbuffered(raw)
    writer = LineWriter(whole(stream))
    lines = [f"line {number}\n" for number in range(3)]
    for text in lines:
        writer.write(text, at_once=False)
    await asyncio.sleep(0)
    assert b"".join(raw.out).decode() == "".join(lines)


def test_a_stream_that_has_a_buffer_stays_as_it_is():
    for stream in (io.StringIO(), io.TextIOWrapper(io.BytesIO())):
        assert whole(stream) is stream
