"""The two programs of the demo as processes of their own, with their logs beside the videos."""

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

READY_LIMIT_S: Final = 30.0
# The router gives itself ten seconds to stop.
STOP_LIMIT_S: Final = 12.0
TIME_SCALE: Final = 60
_LOOK_AGAIN_S: Final = 0.05
_DEFAULT_PORTS: Final = {"openai": 9501, "jizhiai": 9502, "shenma": 9503}
# A log is read by a program here, also where the demo's own output is coloured.
_FORCING_COLOUR: Final = frozenset({"FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"})


class DemoError(Exception):
    """The demo cannot go on; its text says why, and where to look."""


@dataclass(frozen=True, slots=True)
class Upstreams:
    """Where the sandbox listens: its control URL, and HOST:PORT of each upstream by dialect."""

    control_url: str
    hosts: dict[str, str]


@dataclass(frozen=True, slots=True)
class Router:
    """Where the router listens."""

    url: str
    admin_url: str


@asynccontextmanager
async def sandbox(folder: Path) -> AsyncIterator[Upstreams]:
    """Run `video-router sandbox` on free ports."""
    log = folder / "sandbox.log"
    free = [option for name in ("control", *_DEFAULT_PORTS) for option in (f"--{name}-port", "0")]
    async with _process(log, "sandbox", "--time-scale", str(TIME_SCALE), *free) as process:
        control = await _found(process, log, r"books and faults: (http://[^/\s]+)/")
        hosts = dict(re.findall(r"(\w+)\W+http://(127\.0\.0\.1:\d+)", _written(log)))
        yield Upstreams(control, {name: hosts[name] for name in _DEFAULT_PORTS})


@asynccontextmanager
async def router(folder: Path, config: Path, database: Path) -> AsyncIterator[Router]:
    """Run `video-router serve` on free ports; it says that it listens when it is ready."""
    log = folder / "router.log"
    ports = ("--port", "0", "--admin-port", "0")
    async with _process(log, "serve", "--config", str(config), "--db", str(database), *ports) as process:
        line = json.loads(await _found(process, log, r'(?m)^(\{.*"listening".*\})$'))
        yield Router(line["url"], line["admin_url"])


def effective_config(shipped: Path, upstreams: Upstreams, target: Path) -> None:
    """Write the shipped configuration with the sandbox's real ports in the place of its default ones."""
    try:
        text = shipped.read_text(encoding="utf-8")
    except OSError as error:
        raise DemoError(f"cannot read {shipped}: {error.strerror}; the demo runs from a checkout") from error
    for name, port in _DEFAULT_PORTS.items():
        text = text.replace(f"127.0.0.1:{port}", upstreams.hosts[name])
    schema = shipped.with_name("router.schema.json").resolve()
    target.write_text(text.replace("$schema=router.schema.json", f"$schema={schema}"), encoding="utf-8")


async def report(database: Path, *options: str, columns: int = 100) -> str:
    """Run `video-router report` and return what it prints."""
    process = await asyncio.create_subprocess_exec(
        *_command("report", "--db", str(database), *options),
        stdout=asyncio.subprocess.PIPE,
        env={**_environment(), "COLUMNS": str(columns)},
    )
    printed, _ = await process.communicate()
    if process.returncode:
        raise DemoError(f"`video-router report` ended with {process.returncode}")
    return printed.decode()


@asynccontextmanager
async def _process(log: Path, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a program in a session of its own, so that Ctrl-C reaches the demo alone, and stop it whatever happens."""
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *_command(*arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=_environment(),
            start_new_session=True,
        )
    try:
        yield process
    finally:
        await asyncio.shield(_stop(process))


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP_LIMIT_S)
    except TimeoutError:
        pass
    finally:
        # Also when a second Ctrl-C does not want to wait.
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _found(process: asyncio.subprocess.Process, log: Path, pattern: str) -> str:
    """Wait until a program has written what shows that it is ready."""
    try:
        async with asyncio.timeout(READY_LIMIT_S):
            while (match := re.search(pattern, _written(log))) is None:
                if process.returncode is not None:
                    raise DemoError(f"a program ended with {process.returncode} instead of listening; see {log}")
                await asyncio.sleep(_LOOK_AGAIN_S)
    except TimeoutError:
        raise DemoError(f"a program was not ready within {READY_LIMIT_S:g} s; see {log}") from None
    return match[1]


def _written(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")


def _command(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "router", *arguments)


def _environment() -> dict[str, str]:
    """Give the router the sandbox's well-known keys; wide columns keep the sandbox's table in one piece."""
    keys = {f"SANDBOX_{name.upper()}_KEY": f"sk-sandbox-{name}" for name in _DEFAULT_PORTS}
    inherited = {name: value for name, value in os.environ.items() if name not in _FORCING_COLOUR}
    return {**inherited, **keys, "COLUMNS": "200", "PYTHONIOENCODING": "utf-8"}
