"""The router as a process of its own, to be killed and started again on the same file."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGKILL, SIGTERM, Signals
from typing import Any

from aiohttp import ClientSession

from providers.sandbox import Sandbox
from router.core.report import ReportRow
from router.engine.store.reading import read_report
from tests.rig import SOLD, provider_document

ENDED = ("completed", "failed")
# Its imports alone take that long where many others want the same processor.
LISTENS_WITHIN_S = 60.0
# Ejections and cool-downs would only make jobs wait.
PATIENT: Mapping[str, Any] = {"breaker": {"volume_min": 1000}}
# Nothing is given up for being slow, so that no second purchase is right: a loaded machine takes its time to restart.
UNHURRIED: Mapping[str, Any] = {
    **PATIENT,
    "timeouts": {"connect_s": 10, "submit_s": 20, "poll_s": 10, "download_idle_s": 20},
    "polling": {
        "first_after_s": 0.02,
        "interval_s_min": 0.02,
        "interval_s_max": 0.1,
        "polls_per_s_max": 1000,
        "stall_s": 50,
        "deadline_s": 55,
        "download_s_max": 30,
    },
}


@dataclass(slots=True)
class Served:
    """One `video-router serve` after the other, with the same configuration and the same database.

    `watch_s` is how often it looks at its configuration, 0 for never. `program` is what runs the command, which has its
    file at `kept_at`, by default in the folder; `standby` is one that waits for its standard input to begin.
    """

    folder: Path
    sandboxes: Mapping[str, Sandbox]
    http: ClientSession
    url: str = ""
    admin_url: str = ""
    program: tuple[str, ...] = (sys.executable, "-m", "router")
    kept_at: Path | None = None
    watch_s: float = 0.0
    standby: tuple[subprocess.Popen[bytes], Path] | None = None
    _process: subprocess.Popen[bytes] | None = None
    _starts: int = 0
    logs: list[Path] = field(default_factory=list)

    @property
    def database(self) -> Path:
        return self.folder / "router.db"

    @property
    def runs(self) -> bool:
        """Whether there is a process; one that ended by itself counts until it was waited for."""
        return self._process is not None

    @property
    def pid(self) -> int:
        """The process that runs; AssertionError when there is none."""
        assert self._process is not None
        return self._process.pid

    async def start(self, port: int = 0) -> None:
        """Start the process and wait until it listens; AssertionError with its words when it ends instead."""
        self.begin(port)
        await self.listening()

    def begin(self, port: int = 0) -> None:
        """Start the process, or let the one that stands by begin, and do not wait."""
        (self._process, log), self.standby = self.standby or self.spawned(port), None
        self.logs.append(log)
        if self._process.stdin is not None:
            self._process.stdin.close()

    async def listening(self) -> None:
        """Wait until it listens; AssertionError with its words when it ends instead."""
        log, give_up_at = self.logs[-1], time.monotonic() + LISTENS_WITHIN_S
        while (listening := self.said("listening")) is None:
            assert self._process is not None
            assert self._process.poll() is None, log.read_text()
            assert time.monotonic() < give_up_at, f"it does not listen after {LISTENS_WITHIN_S:g} s: {log.read_text()}"
            await asyncio.sleep(0.02)
        self.url, self.admin_url = str(listening["url"]), str(listening["admin_url"])

    def spawned(self, port: int = 0, *, stands_by: bool = False) -> tuple[subprocess.Popen[bytes], Path]:
        """Start a process, with a log of its own."""
        self._starts += 1
        log = self.folder / f"router-{self._starts}.log"
        files = ("--config", str(self.folder / "router.yaml"), "--db", str(self.kept_at or self.database))
        command = [*self.program, "serve", *files, "--port", str(port), "--admin-port", "0"]
        command += ["--watch-s", str(self.watch_s)]
        with log.open("wb") as out:
            stdin = subprocess.PIPE if stands_by else None
            return subprocess.Popen(command, stdin=stdin, stdout=out, stderr=subprocess.STDOUT), log

    async def kill(self) -> None:
        """End it as a power cut would."""
        self.signal(SIGKILL)
        await self.exited()

    async def stop(self) -> int:
        """Ask it to stop, and return its exit code."""
        self.signal(SIGTERM)
        return await self.exited()

    def signal(self, number: Signals) -> None:
        """Send it a signal while it runs, and do not wait. The second SIGTERM ends it at once."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    async def exited(self) -> int:
        """Wait for its end and return its exit code."""
        if self._process is None:
            return 0
        code = await asyncio.to_thread(self._process.wait, 20)
        self._process = None
        return code

    async def create(self, prompt: str, **changes: Any) -> dict[str, Any]:
        """Create a video and return its object; raises AssertionError when it was not accepted."""
        body = {"prompt": prompt, "model": "sora-2", "seconds": "10", "size": "720x1280", **changes}
        async with self.http.post(f"{self.url}/v1/videos", json=body) as response:
            video: dict[str, Any] = await response.json()
            assert response.status == 200, video
            return video

    async def video(self, video_id: str) -> dict[str, Any]:
        async with self.http.get(f"{self.url}/v1/videos/{video_id}") as response:
            video: dict[str, Any] = await response.json()
            assert response.status == 200, video
            return video

    async def ended(self, video_id: str, limit_s: float = 30.0) -> dict[str, Any]:
        """Wait until a video is completed or failed."""
        async with asyncio.timeout(limit_s):
            while (video := await self.video(video_id))["status"] not in ENDED:
                await asyncio.sleep(0.05)
        return video

    async def content(self, video_id: str) -> bytes:
        async with self.http.get(f"{self.url}/v1/videos/{video_id}/content") as response:
            assert response.status == 200
            return await response.read()

    def rows(self) -> list[ReportRow]:
        return read_report(self.database, None)

    def creates(self) -> int:
        """How many creates reached all upstreams."""
        return sum(sandbox.books().requests.get("create", 0) for sandbox in self.sandboxes.values())

    async def accepted(self, count: int) -> None:
        """Wait until the upstreams have accepted so many creates."""
        async with asyncio.timeout(10):
            while sum(sandbox.books().totals.accepted for sandbox in self.sandboxes.values()) < count:
                await asyncio.sleep(0.01)

    def said(self, event: str) -> dict[str, Any] | None:
        """The first line of the last process's log that tells of such an event."""
        for line in self.logs[-1].read_text().splitlines(keepends=True):
            if line.startswith("{") and line.endswith("\n") and (said := json.loads(line)).get("event") == event:
                found: dict[str, Any] = said
                return found
        return None


@asynccontextmanager
async def a_served(
    folder: Path,
    *dialects: str,
    providers: Mapping[str, Any] = UNHURRIED,
    time_scale: float = 300.0,
    headers: Mapping[str, str] | None = None,
    **sections: Any,
) -> AsyncIterator[Served]:
    """Start a sandbox for each dialect; the router is started by the test. `providers` changes every provider.

    `headers` go with every request to the router.
    """
    async with AsyncExitStack() as stack:
        sandboxes: dict[str, Sandbox] = {}
        for dialect in dialects:
            sandboxes[dialect] = await stack.enter_async_context(
                Sandbox.start(dialect, time_scale=time_scale, prices=SOLD.get(dialect))
            )
        write_configuration(folder, sandboxes, providers, **sections)
        http = await stack.enter_async_context(ClientSession(headers=headers))
        served = Served(folder, sandboxes, http)
        stack.push_async_callback(served.kill)
        yield served


def write_configuration(
    folder: Path, sandboxes: Mapping[str, Any], providers: Mapping[str, Any], **sections: Any
) -> None:
    """Write `router.yaml` before these upstreams; `providers` changes each of them, `sections` the rest."""
    described: dict[str, Any] = {}
    for name, sandbox in sandboxes.items():
        key_file = folder / f"{name}.key"
        key_file.write_text(sandbox.key)
        described[name] = provider_document(sandbox, key_file, **providers)
    document = {
        "defaults": {"model": "sora-2", "seconds": 10, "size": "720x1280"},
        "server": {"poll_after_ms": 20},
        "providers": described,
        **sections,
        "policy": {"min_attempt_s": 0.1, **sections.get("policy", {"job_deadline_s": 30})},
    }
    (folder / "router.yaml").write_text(json.dumps(document))
