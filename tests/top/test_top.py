"""`video-router top` as a process of its own, before a listener on a real socket, with and without a terminal."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

import orjson
import pytest

from router.core.overview import SCHEMA
from router.top.endpoint import BODY_BYTES_MAX, AddressError, Endpoint, NoOverviewError
from tests.top import overviews

TOP = (sys.executable, "-m", "router", "top", "--admin")
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


def run(url: str, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "COLUMNS": "80", **environment}
    return subprocess.run([*TOP, url, *options], env=env, capture_output=True, text=True, timeout=30, check=False)


def test_without_a_terminal_it_prints_the_view_once_and_plainly():
    with overviews.serving(overviews.body_of(overviews.in_trouble())) as url:
        ended = run(url)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "p0 is out for another 840 s: its key was refused" in ended.stdout
    assert "\x1b" not in ended.stdout
    assert max(map(len, ended.stdout.splitlines())) <= 80


def test_for_programs_it_prints_the_document_in_ascii():
    overview = replace(overviews.a_day(), version="1 – \x9b31m")
    with overviews.serving(overviews.body_of(overview)) as url:
        ended = run(url, "--json")
    assert orjson.loads(ended.stdout) == orjson.loads(orjson.dumps(overview))
    assert ended.stdout.isascii()
    assert ended.returncode == 0


def test_a_router_that_is_away_is_named_and_the_exit_code_says_so():
    ended = run("http://127.0.0.1:1", "--once")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == (
        "http://127.0.0.1:1 cannot be reached: nothing listens there; "
        "start the router, or name its admin address with --admin\n"
    )


@dataclass
class Terminal:
    """What a process shows in a terminal of 80 columns."""

    process: subprocess.Popen[bytes]
    master: int
    seen: str = ""

    def until(self, text: str, limit_s: float = 15.0) -> str:
        """Read until a text is shown that was not shown before, and return what came with it."""
        start, give_up_at = len(self.seen), time.monotonic() + limit_s
        while text not in _ESCAPES.sub("", self.seen[start:]):
            assert time.monotonic() < give_up_at, self.seen[start:]
            if select.select([self.master], [], [], 0.1)[0]:
                self.seen += os.read(self.master, 65_536).decode()
        return self.seen[start:]

    def ended(self, limit_s: float = 10.0) -> int:
        """Wait for the end of the process, and read what it left behind."""
        give_up_at = time.monotonic() + limit_s
        with suppress(OSError):
            while time.monotonic() < give_up_at:
                if select.select([self.master], [], [], 0.1)[0]:
                    if not (part := os.read(self.master, 65_536)):
                        break
                    self.seen += part.decode()
        return self.process.wait(limit_s)


@contextmanager
def terminal(url: str, **environment: str) -> Iterator[Terminal]:
    """Run the live view in a terminal of its own."""
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (24, 80))
    env = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "LINES", "NO_COLOR")}
    env |= {"TERM": "xterm-256color", **environment}
    command = [*TOP, url, "--interval", "0.2"]
    process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=env, start_new_session=True)
    os.close(slave)
    try:
        yield Terminal(process, master)
    finally:
        process.kill()
        process.wait()
        os.close(master)


def test_the_live_view_survives_that_its_router_goes_and_comes_and_leaves_the_terminal_as_it_was():
    body = overviews.body_of(overviews.in_trouble())
    with overviews.serving(body) as url:
        port = int(url.rpartition(":")[2])
    with terminal(url) as screen:
        first = screen.until("cannot be reached: nothing listens there")
        assert "\x1b[?1049h" in first
        with overviews.serving(body, port=port):
            assert "\x1b[1;31msubmit open" in screen.until("poll half_open")
        screen.until("out of reach")
        screen.until("trying")
        with overviews.serving(body, port=port):
            screen.until("takes no jobs")
            screen.process.send_signal(signal.SIGINT)
            assert screen.ended() == 0
    assert screen.seen.endswith("\x1b[?1049l")
    assert "\x1b[?25h" in screen.seen
    assert "Traceback" not in screen.seen


def test_the_live_view_keeps_to_no_color_and_ends_cleanly_when_it_is_asked_to():
    with overviews.serving(overviews.body_of(overviews.in_trouble())) as url, terminal(url, NO_COLOR="1") as screen:
        shown = screen.until("submit open")
        assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", shown)
        screen.process.send_signal(signal.SIGTERM)
        assert screen.ended() == 0
        assert screen.seen.endswith("\x1b[?1049l")


@pytest.mark.parametrize(
    "address", ["", "http://", "ftp://x", "http://x:y", "http://u:p@x", "x?a=1", "a b", "http://x:0"]
)
def test_what_is_no_address_is_told_with_an_example(address: str):
    with pytest.raises(AddressError, match=r"write it like http://127\.0\.0\.1:9091"):
        Endpoint(address)


@pytest.mark.parametrize(
    "address", ["127.0.0.1:9091", "http://127.0.0.1:9091/", "https://[::1]:9091", "router.internal"]
)
def test_an_address_may_be_short(address: str):
    assert Endpoint(address).url.startswith("http")
    assert not Endpoint(address).url.endswith("/")


@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [
        (b"not found", 404, "answers HTTP 404; name with --admin"),
        (b"", 302, "answers HTTP 302; name with --admin"),
        (b"<html>", 200, "something else than an overview"),
        (b"[]", 200, "something else than an overview"),
        (b'{"schema":1,"providers":"many"}', 200, "something else than an overview"),
        (b"x" * (BODY_BYTES_MAX + 1), 200, "more than an overview has"),
        (b'{"schema":%d}' % (SCHEMA + 1), 200, f"reads schema {SCHEMA}; use the video-router that runs there"),
    ],
)
def test_what_is_no_overview_is_told_with_what_to_change(answer: bytes, status: int, words: str):
    headers = {"Location": "http://127.0.0.1:1/"} if status == 302 else {}
    with (
        overviews.serving(answer, status, headers=headers) as url,
        pytest.raises(NoOverviewError, match=re.escape(words)),
    ):
        Endpoint(url).overview()


def test_an_overview_is_read_as_it_was_and_fields_that_are_not_known_are_passed_over():
    overview = overviews.in_trouble()
    document = orjson.loads(overviews.body_of(overview)) | {"weather": "fine"}
    with overviews.serving(orjson.dumps(document)) as url:
        assert overviews.body_of(Endpoint(url).overview()) == overviews.body_of(overview)


def test_a_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with overviews.serving(overviews.body_of(overviews.a_day())) as url:
        assert Endpoint(url).overview().version == "1.2.3"
