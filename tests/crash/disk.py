"""A disk that can be filled: a small tmpfs that only the router's processes see, or a limit to the size of its files.

The first needs user namespaces, or root; the second works for everybody.
"""

import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tests.process import Served

SIZE_KIB = 768
FILE = "router.db"
_WAYS = (("unshare", "-rm"), ("unshare", "-m"))
_REPOSITORY = Path(__file__).parents[2]


class Disk(Protocol):
    """Where the router's file is, and how its space ends and comes back."""

    def fill(self) -> None: ...

    def free(self) -> None: ...

    def database(self) -> Path:
        """The router's file, or a copy of it as it is now."""


@dataclass(slots=True)
class SmallDisk:
    """A tmpfs of SIZE_KIB in a mount namespace, which lives as long as `holder`."""

    holder: subprocess.Popen[str]
    mounted_at: Path
    _copies: int = 0

    @property
    def seen_from_here(self) -> Path:
        return Path(f"/proc/{self.holder.pid}/root{self.mounted_at}")

    def fill(self) -> None:
        with (self.seen_from_here / "filler").open("ab", buffering=0) as filler:
            try:
                while True:
                    filler.write(b"\0" * 4096)
            except OSError:
                return

    def free(self) -> None:
        (self.seen_from_here / "filler").unlink()

    def database(self) -> Path:
        """Copy the database and its log to where SQLite, which follows links by itself, finds them."""
        self._copies += 1
        into = self.mounted_at.with_name(f"copy-{self._copies}")
        into.mkdir()
        for name in (FILE, f"{FILE}-wal"):
            shutil.copyfile(self.seen_from_here / name, into / name)
        return into / FILE

    def program(self) -> tuple[str, ...]:
        """The command `video-router` within the namespace."""
        enter = ["nsenter", "--target", str(self.holder.pid), "--mount"]
        if Path(f"/proc/{self.holder.pid}/ns/user").readlink() != Path("/proc/self/ns/user").readlink():
            enter += ["--user", "--preserve-credentials"]
        # The working directory is not the namespace's until it is looked up there.
        return (*enter, "sh", "-c", 'cd "$0" && exec "$@"', str(_REPOSITORY), sys.executable, "-m", "router")


@dataclass(slots=True)
class LimitedFiles:
    """The router's own processes may not write behind the end that its write-ahead log has when the disk is filled."""

    served: Served

    def fill(self) -> None:
        end = self.served.database.with_name(f"{self.served.database.name}-wal").stat().st_size
        self._limit(end)

    def free(self) -> None:
        if self.served.runs:
            self._limit(resource.RLIM_INFINITY)

    def database(self) -> Path:
        return self.served.database

    def _limit(self, size_bytes: int) -> None:
        _, hard = resource.prlimit(self.served.pid, resource.RLIMIT_FSIZE)
        soft = hard if size_bytes == resource.RLIM_INFINITY else size_bytes
        resource.prlimit(self.served.pid, resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def a_small_disk(mounted_at: Path) -> Iterator[SmallDisk | None]:
    """Mount one at a folder, for as long as the block lasts; None where this machine does not allow it."""
    holder = next(filter(None, (_held(way, mounted_at) for way in _WAYS)), None)
    if holder is None:
        yield None
        return
    try:
        yield SmallDisk(holder, mounted_at)
    finally:
        holder.communicate()


def _held(way: tuple[str, ...], mounted_at: Path) -> subprocess.Popen[str] | None:
    """Return a process that holds the mount until its input ends."""
    if shutil.which(way[0]) is None or shutil.which("nsenter") is None:
        return None
    script = f'mount -t tmpfs -o size={SIZE_KIB}k,mode=700 tmpfs "$0" && echo mounted && exec cat'
    holder = subprocess.Popen(
        [*way, "sh", "-c", script, str(mounted_at)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert holder.stdout is not None
    if holder.stdout.readline() == "mounted\n":
        return holder
    holder.communicate()
    return None
