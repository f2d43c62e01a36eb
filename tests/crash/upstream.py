"""A sandbox upstream in a process of its own: `python -m tests.crash.upstream DIALECT TIME_SCALE SEED`."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import ClientSession

from providers.sandbox import Books, Sandbox
from providers.sandbox.habits import Habits
from tests.sold import SOLD

# A lost submit can be found there.
HABITS = {"openai": Habits(echoes_prompt=True)}


@dataclass(frozen=True, slots=True)
class UpstreamProcess:
    """What its buyers and its operator know of it."""

    dialect: str
    base_url: str
    control_url: str
    key: str = field(repr=False)
    http: ClientSession
    process: subprocess.Popen[str]

    async def books(self) -> Books:
        """The books as they stand now."""
        async with self.http.get(f"{self.control_url}/_sandbox/books") as response:
            return Books.parse(await response.json())

    async def set_faults(self, *faults: Mapping[str, Any]) -> None:
        """Put these faults in force, and no others."""
        async with self.http.put(f"{self.control_url}/_sandbox/faults", json={"faults": list(faults)}) as response:
            assert response.status == 200, await response.text()


@asynccontextmanager
async def an_upstream(
    dialect: str, http: ClientSession, *, time_scale: float, seed: int = 0
) -> AsyncIterator[UpstreamProcess]:
    """Run one until the block is left."""
    command = [sys.executable, "-m", "tests.crash.upstream", dialect, str(time_scale), str(seed)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        said = json.loads(await asyncio.to_thread(process.stdout.readline))
        yield UpstreamProcess(dialect, said["base_url"], said["control_url"], said["key"], http, process)
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


async def serve(dialect: str, time_scale: float, seed: int) -> None:
    """Run until SIGTERM, SIGINT or the end of whoever reads what it says."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    options: dict[str, Any] = {"time_scale": time_scale, "seed": seed, "prices": SOLD.get(dialect)}
    async with Sandbox.start(dialect, **options, habits=HABITS.get(dialect, Habits())) as sandbox:
        where = {"base_url": sandbox.base_url, "control_url": sandbox.control_url, "key": sandbox.key}
        sys.stdout.write(json.dumps(where) + "\n")
        sys.stdout.flush()
        await stop.wait()


def main(arguments: Sequence[str]) -> None:
    """Run one upstream."""
    dialect, time_scale, seed = arguments
    asyncio.run(serve(dialect, float(time_scale), int(seed)))


if __name__ == "__main__":
    main(sys.argv[1:])
