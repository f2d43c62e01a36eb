"""The servers that are measured: started on a core of their own, and ended by their process ids."""

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from tests.bench.upstream import FINISHED_MODEL, RUNNING_MODEL

CALLER_KEY: Final = "sk-bench-caller"
START_S_MAX: Final = 30.0
_STOP_S_MAX: Final = 15.0
_AGES_S: Final = 86_400
_REPOSITORY: Final = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Server:
    """A process that listens on a port of loopback."""

    name: str
    pid: int
    port: int

    def cpu_s(self) -> float:
        """CPU seconds of all its threads so far, user and system, to the nanosecond: clock_getcpuclockid(3)."""
        return time.clock_gettime((~self.pid << 3) | 2)

    def rss_bytes(self) -> int:
        """Resident memory, from proc(5)."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")


def cores() -> tuple[int, int] | None:
    """Return the core of the servers and that of everything else; None where there is no second one to be had."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    allowed = sorted(os.sched_getaffinity(0))
    return (allowed[0], allowed[-1]) if len(allowed) > 1 else None


@contextmanager
def passthrough(folder: Path, core: int | None, upstream: int) -> Iterator[Server]:
    """Run the pass-through before an upstream's port."""
    arguments = ["-m", "tests.bench.passthrough", f"http://127.0.0.1:{upstream}"]
    with _running("pass-through", arguments, folder, core) as server:
        yield server


@contextmanager
def router(folder: Path, core: int | None, upstream: int) -> Iterator[Server]:
    """Run the router as its operators do: a configuration, a database on disk, callers with keys, metrics."""
    (folder / "provider.key").write_text("sk-bench-upstream")
    config = folder / "router.yaml"
    config.write_text(yaml.safe_dump(_configuration(upstream)))
    arguments = ["-m", "router", "serve", "--config", str(config), "--db", str(folder / "router.db")]
    with _running("router", [*arguments, "--port", "0", "--admin-port", "0"], folder, core) as server:
        yield server


@contextmanager
def scraped(folder: Path, lags: Path) -> Iterator[Server]:
    """Run a router with as many series as ten providers can have; its port is that of the admin listener.

    It has every core: a scrape is rendered in a thread beside the loop.
    """
    (folder / "provider.key").write_text("sk-bench-upstream")
    config = folder / "scraped.yaml"
    config.write_text(json.dumps(_full_configuration()))
    arguments = ["-m", "tests.bench.scraped", str(config), str(folder / "scraped.db"), str(lags)]
    with _running("scraped", arguments, folder, None) as server:
        yield server


def _full_configuration() -> dict[str, Any]:
    """Ten providers that sell two models each, twenty callers, and a daily budget for everybody."""
    digests = [hashlib.sha256(f"{CALLER_KEY}-{number}".encode()).hexdigest() for number in range(20)]
    budget = {"daily_budget_usd": "100.00"}
    offering = {"sizes": ["720x1280", "1280x720"], "seconds": [4, 8, 12], "price": {"per_second": "0.10"}}
    provider = {
        "dialect": "openai",
        "base_url": "http://127.0.0.1:9",
        "api_key": {"file": "provider.key"},
        "offerings": [{"model": model, **offering} for model in ("sora-2", "sora-2-pro")],
    }
    return {
        "callers": [{"name": f"c{number}", "key_sha256": digest, **budget} for number, digest in enumerate(digests)],
        "reporting": {"baseline_provider": "p9"},
        "providers": {f"p{number}": {**provider, **budget} for number in range(10)},
    }


def _configuration(upstream: int) -> dict[str, Any]:
    """Sell one model whose jobs are polled at once, and one whose jobs are left alone for a day."""
    at_once = {"first_after_s": 0.02, "interval_s_min": 0.02, "interval_s_max": 0.1}
    return {
        "callers": [{"name": "bench", "key_sha256": hashlib.sha256(CALLER_KEY.encode()).hexdigest()}],
        "server": {"jobs_live_max": 1_000_000},
        "policy": {"job_deadline_s": _AGES_S},
        "providers": {
            "running": _provider(
                upstream, RUNNING_MODEL, {"first_after_s": _AGES_S / 2, "interval_s_max": _AGES_S / 2}
            ),
            "finished": _provider(upstream, FINISHED_MODEL, at_once),
        },
    }


def _provider(upstream: int, model: str, polling: dict[str, float]) -> dict[str, Any]:
    return {
        "dialect": "openai",
        "base_url": f"http://127.0.0.1:{upstream}",
        "api_key": {"file": "provider.key"},
        "in_flight_max": 100_000,
        "polling": {**polling, "stall_s": _AGES_S, "deadline_s": _AGES_S},
        "offerings": [{"model": model, "sizes": ["720x1280"], "seconds": [8], "price": {"per_second": "0.10"}}],
    }


@contextmanager
def _running(name: str, arguments: Sequence[str], folder: Path, core: int | None) -> Iterator[Server]:
    log = folder / f"{name}.log"
    with log.open("wb") as output, _placed(core):
        process = subprocess.Popen(
            [sys.executable, *arguments], cwd=_REPOSITORY, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        yield Server(name, process.pid, _port(process, log))
    finally:
        process.terminate()
        try:
            process.wait(_STOP_S_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def _placed(core: int | None) -> Iterator[None]:
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


def _port(process: subprocess.Popen[bytes], log: Path) -> int:
    """Wait for the line that says where a server listens."""
    give_up_at = time.monotonic() + START_S_MAX
    while process.poll() is None and time.monotonic() < give_up_at:
        for line in log.read_text().splitlines():
            if '"listening"' in line:
                return int(json.loads(line)["url"].rpartition(":")[2])
        time.sleep(0.05)
    raise RuntimeError(f"{process.args!r} does not listen:\n{log.read_text()[-2000:]}")
