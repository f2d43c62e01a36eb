"""The machine that figures belong to."""

import os
import platform
import statistics
import time
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from tests.bench import litellm

_APPENDS = 50


@dataclass(frozen=True, slots=True)
class Machine:
    """What a figure depends on. `fdatasync_ms` is an append of 4 KiB to the disk: no durable write can be faster."""

    date: str
    cpu: str
    cpus: int
    cores: tuple[int, int] | None
    kernel: str
    python: str
    uvloop: str | None
    litellm: str | None
    fdatasync_ms: float

    @classmethod
    def seen(cls, folder: Path, cores: tuple[int, int] | None) -> "Machine":
        """Look at this one, and at the disk that a folder is on."""
        today = time.strftime("%Y-%m-%d", time.gmtime())
        python, kernel = platform.python_version(), f"{platform.system()} {platform.release()}"
        peer = litellm.version() if litellm.installed() else None
        return cls(today, _cpu(), os.cpu_count() or 1, cores, kernel, python, _uvloop(), peer, _fdatasync_ms(folder))

    def document(self) -> dict[str, Any]:
        """Return it for a JSON file."""
        return asdict(self)

    def sentence(self) -> str:
        """Describe it in a line."""
        loop = f"uvloop {self.uvloop}" if self.uvloop else "asyncio"
        shared = "servers on one core, load and upstream on another" if self.cores else "not pinned to cores"
        disk = f"one append to the disk takes {self.fdatasync_ms:.2f} ms"
        peer = f", LiteLLM {self.litellm}" if self.litellm else ""
        return f"{self.cpus} x {self.cpu}, {self.kernel}, Python {self.python}, {loop}{peer}; {shared}; {disk}"


def _cpu() -> str:
    for text in Path("/proc/cpuinfo").read_text().splitlines():
        if text.startswith("model name"):
            return text.partition(":")[2].strip()
    return platform.machine()


def _uvloop() -> str | None:
    try:
        return version("uvloop")
    except PackageNotFoundError:
        return None


def _fdatasync_ms(folder: Path) -> float:
    times = []
    with (folder / "fsync").open("wb", buffering=0) as file:
        for _ in range(_APPENDS):
            started = time.perf_counter()
            file.write(bytes(4096))
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - started)
    return 1e3 * statistics.median(times)
