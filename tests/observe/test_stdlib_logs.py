import asyncio
import gc
import io
import logging
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import orjson
import pytest
from aiohttp import web
from aiohttp.http_exceptions import BadHttpMessage

from router.engine.store import StoreUnavailableError
from router.observe.lines import Level
from router.observe.stdlib_logs import JsonFormatter, configure

CANARY = "canary-4711"


@contextmanager
def configured(level: Level) -> Iterator[io.StringIO]:
    """The standard library's logging as the router sets it up, until the block is left."""
    stream, root = io.StringIO(), logging.getLogger()
    handlers, before = list(root.handlers), root.level
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook, logging.raiseExceptions
    try:
        configure(stream, level)
        yield stream
    finally:
        root.handlers[:] = handlers
        root.setLevel(before)
        logging.captureWarnings(capture=False)
        sys.excepthook, threading.excepthook, sys.unraisablehook, logging.raiseExceptions = hooks


def lines_of(stream: io.StringIO) -> list[dict[str, str]]:
    assert CANARY not in stream.getvalue()
    return [orjson.loads(line) for line in stream.getvalue().splitlines()]


def test_standard_logging_comes_out_as_the_same_lines():
    with configured(Level.WARNING) as stream:
        logging.getLogger("aiohttp.server").info("hidden")
        try:
            raise OSError(f"lost https://cdn/v.mp4?sig={CANARY}")  # noqa: TRY301
        except OSError:
            logging.getLogger("aiohttp.server").exception("Error handling %s", f"/v1/x?key={CANARY}")
        logging.getLogger("bad").error("%d of %s", "one")  # noqa: PLE1206
    first, second = map(orjson.loads, stream.getvalue().splitlines())
    assert first["level"] == "error"
    assert first["logger"] == "aiohttp.server"
    assert first["message"] == "Error handling /v1/x?[scrubbed]"
    assert first["error"] == "OSError"
    assert "test_stdlib_logs.py" in first["error_at"]
    assert second["message"] == "%d of %s"
    assert CANARY not in stream.getvalue()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ValueError(f"the prompt {CANARY} is bad"), None),
        (KeyError(CANARY), None),
        (UnicodeEncodeError("utf-8", CANARY, 0, 1, CANARY), None),
        (PermissionError(13, "Permission denied", f"/{CANARY}"), "Permission denied"),
        (StoreUnavailableError("database is locked"), "database is locked"),
    ],
)
def test_an_error_that_is_not_our_own_is_a_type_and_a_place(error: Exception, words: str | None):
    with configured(Level.INFO) as stream:
        try:
            raise error  # noqa: TRY301
        except Exception as caught:
            logging.getLogger("router.engine").exception("it broke: %s", caught)  # noqa: TRY401
            logging.getLogger("router.engine").exception(f"it broke: {caught}")  # noqa: G004, TRY401
            logging.getLogger("router.engine").error(caught)  # noqa: TRY400
    first, *_ = lines = lines_of(stream)
    assert len(lines) == 3
    assert (first["error"], first.get("error_message")) == (type(error).__name__, words)
    assert first["message"] == f"it broke: {type(error).__name__}"


async def test_a_task_whose_error_nobody_fetched_is_told_without_its_words():
    async def broken() -> None:
        raise ValueError(f"the prompt {CANARY} is bad")

    with configured(Level.INFO) as stream:
        task = asyncio.create_task(broken())
        await asyncio.wait([task])
        del task
        gc.collect()
    (line,) = lines_of(stream)
    assert (line["logger"], line["message"], line["error"]) == (
        *("asyncio", "Task exception was never retrieved"),
        "ValueError",
    )


def test_a_warning_is_its_place_and_its_category():
    with configured(Level.INFO) as stream, warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=False)
        logging.captureWarnings(capture=True)
        warnings.warn(f"the prompt {CANARY}: is bad", UserWarning, stacklevel=1)
    (line,) = lines_of(stream)
    assert (line["logger"], line["level"]) == ("py.warnings", "warning")
    assert line["message"].endswith(": UserWarning")
    assert "test_stdlib_logs.py" in line["message"]


def test_what_nobody_caught_is_told_without_its_words():
    class Unclean:
        def __del__(self) -> None:
            raise ValueError(CANARY)

    def broken() -> None:
        raise LookupError(CANARY)

    with configured(Level.INFO) as stream:
        thread = threading.Thread(target=broken)
        thread.start()
        thread.join()
        Unclean()
        gc.collect()
        sys.excepthook(OSError, OSError(CANARY), None)
    lines = lines_of(stream)
    assert [line["error"] for line in lines] == ["LookupError", "ValueError", "OSError"]
    assert "broken" in lines[0]["error_at"]


def test_a_log_that_cannot_be_written_says_nothing_elsewhere(capfd: pytest.CaptureFixture[str]):
    with configured(Level.INFO) as stream:
        stream.close()
        logging.getLogger("router").error("about %s", CANARY)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "request_bytes",
    [
        f"GET / HTTP/1.1\r\nHost: x\r\nX-Prompt: {CANARY}\x01\r\n\r\n",
        f"GET / HTTP/1.1\r\nHost: x\r\n{CANARY}\r\n\r\n",
        f"GET / HTTP/1.1\r\nHost: x\r\nX-Prompt: {CANARY * 2000}\r\n\r\n",
        f"GET /{CANARY} {CANARY} HTTP/1.1\r\nHost: x\r\n\r\n",
        f"GET http://[{CANARY}/ HTTP/1.1\r\nHost: x\r\n\r\n",
        f"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: {CANARY}\r\n\r\n",
        f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {CANARY}\r\n\r\n",
        f"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{CANARY}\r\n",
    ],
)
async def test_what_an_unreadable_request_says_is_not_logged_and_no_error_of_ours(request_bytes: str):
    async def answer(_request: web.Request) -> web.Response:
        return web.Response()

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    with configured(Level.INFO) as stream:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        reader, writer = await asyncio.open_connection(*runner.addresses[0])
        writer.write(request_bytes.encode())
        with suppress(ConnectionError):
            assert (await reader.readline()).startswith(b"HTTP/1.")
        writer.close()
        await runner.cleanup()
    lines = list(map(orjson.loads, stream.getvalue().splitlines()))
    assert CANARY not in stream.getvalue()
    assert {line["level"] for line in lines} <= {"info"}


def test_an_unreadable_request_is_not_even_mentioned_above_info():
    with configured(Level.WARNING) as stream:
        for error in (BadHttpMessage(CANARY), web.RequestPayloadError(CANARY)):
            logging.getLogger("aiohttp.server").error("Error handling request", exc_info=error)
    assert not stream.getvalue()


def test_a_level_of_their_own_is_rounded_down():
    record = logging.LogRecord("x", 25, __file__, 1, "notice", (), None)
    assert orjson.loads(JsonFormatter().format(record))["level"] == "info"
