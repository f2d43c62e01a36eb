"""Processes under measurement: what they use up, and how they are started on a core of their own and ended."""

import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bench.upstream import MIB

START_S_MAX: Final = 60.0
LOOK_EVERY_S: Final = 0.005
_STOP_S_MAX: Final = 15.0
_REPOSITORY: Final = Path(__file__).parents[2]
_RESET_PEAK: Final = "5"


@dataclass(frozen=True, slots=True)
class Server:
    """A process, and those it started, that listen on a port of loopback; without a pid it is the benchmark itself."""

    name: str
    pid: int | None
    port: int
    admin_port: int | None = None

    def cpu_s(self) -> float:
        """CPU seconds of all threads so far, user and system, to the nanosecond: clock_getcpuclockid(3)."""
        return sum(time.clock_gettime((~pid << 3) | 2) for pid in self._pids())

    def rss_bytes(self) -> int:
        """Resident memory, from proc(5)."""
        return sum(_status_kib(pid, "VmRSS") << 10 for pid in self._pids())

    def rss_mib(self) -> float:
        """Resident memory."""
        return self.rss_bytes() / MIB

    def forget_peak(self) -> None:
        """Let the most memory that was ever resident begin anew."""
        for pid in self._pids():
            Path(f"/proc/{pid}/clear_refs").write_text(_RESET_PEAK)

    def peak_bytes(self) -> int:
        """The most memory that was resident since then."""
        return sum(_status_kib(pid, "VmHWM") << 10 for pid in self._pids())

    def _pids(self) -> Iterator[int]:
        if self.pid is not None:
            yield from _tree(self.pid)


def cores() -> tuple[int, int] | None:
    """Return the core of the servers and that of everything else; None where there is no second one to be had."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    allowed = sorted(os.sched_getaffinity(0))
    return (allowed[0], allowed[-1]) if len(allowed) > 1 else None


@contextmanager
def process(
    arguments: Sequence[str], log: Path, core: int | None, environment: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program from the repository's folder on a core; leaving the block ends it."""
    with log.open("wb") as output, placed(core):
        running = subprocess.Popen(arguments, cwd=_REPOSITORY, env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        yield running
    finally:
        running.terminate()
        try:
            running.wait(_STOP_S_MAX)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


@contextmanager
def listening(
    name: str, arguments: Sequence[str], folder: Path, core: int | None, environment: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """Run a server that prints a line of JSON with the addresses it listens on."""
    log = folder / f"{name}.log"
    with process(arguments, log, core, os.environ if environment is None else environment) as running:
        said = _said(running, log)
        admin_url = said.get("admin_url")
        yield Server(name, running.pid, _port(said["url"]), None if admin_url is None else _port(admin_url))


@contextmanager
def placed(core: int | None) -> Iterator[None]:
    """Run on a core for a moment: what is started meanwhile stays there with all its threads."""
    if core is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def everywhere(both: tuple[int, int] | None) -> Iterator[None]:
    """Run on both cores for a moment, and so does what is started meanwhile."""
    if both is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, both)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _said(running: subprocess.Popen[bytes], log: Path) -> dict[str, str]:
    """Wait for the line that says where a server listens."""
    give_up_at = time.monotonic() + START_S_MAX
    while running.poll() is None and time.monotonic() < give_up_at:
        for text in log.read_text().splitlines():
            if '"listening"' in text and text.endswith("}"):
                said: dict[str, str] = json.loads(text)
                return said
        time.sleep(LOOK_EVERY_S)
    raise RuntimeError(f"{running.args!r} does not listen:\n{log.read_text()[-2000:]}")


def _port(url: str) -> int:
    return int(url.rpartition(":")[2])


def _status_kib(pid: int, key: str) -> int:
    for text in Path(f"/proc/{pid}/status").read_text().splitlines():
        if text.startswith(key):
            return int(text.split()[1])
    return 0


def _tree(pid: int) -> Iterator[int]:
    """Go through a process and all that it started."""
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        # A thread may end while it is looked at.
        with suppress(FileNotFoundError):
            for child in (task / "children").read_text().split():
                yield from _tree(int(child))
