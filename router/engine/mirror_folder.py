"""The mirror's folder: a file has its final name only when it is whole and on the disk. Everything here blocks."""

import errno
import fcntl
import os
import re
import secrets
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_FOLDER_MODE: Final = 0o700
_FILE_MODE: Final = 0o600
_ATTEMPT_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,120}")
_VIDEO: Final = re.compile(r"([A-Za-z0-9_-]{1,120})\.video")
_PART: Final = re.compile(r"\.[A-Za-z0-9_-]{1,120}\.[0-9a-f]{16}\.part")
_NO_LINK: Final = os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class KeptVideo:
    """A whole video in the folder; `kept_at` is wall seconds."""

    attempt_id: str
    content_bytes: int
    kept_at: float


class MirrorFolder:
    """Makes, finds and removes the files of one folder, which one process has for itself; raises OSError.

    Names come from attempts' ids, and everything is asked of the folder's own descriptor: whoever swaps a path for a
    link gets nothing, and files that the mirror did not make are left alone.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1

    @property
    def is_open(self) -> bool:
        """Whether files can be had."""
        return self._descriptor >= 0

    def open(self) -> None:
        """Take the folder, and make it where there is none."""
        with suppress(FileExistsError):
            self._path.mkdir(_FOLDER_MODE)
        descriptor = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | _NO_LINK)
        try:
            _require_own(os.fstat(descriptor))
            _lock(descriptor)
        except OSError:
            os.close(descriptor)
            raise
        self._descriptor = descriptor

    def close(self) -> None:
        """Leave the folder to others."""
        if self.is_open:
            os.close(self._descriptor)
            self._descriptor = -1

    def scan(self) -> list[KeptVideo]:
        """Return what is there, the oldest first, and remove what was never finished."""
        return sorted(self._scanned(), key=lambda video: video.kept_at)

    def begin(self, attempt_id: str) -> "VideoPart":
        """Begin a file that has no final name yet."""
        if not _ATTEMPT_ID.fullmatch(attempt_id):
            raise OSError(errno.EINVAL, "the attempt's id is no file name")
        name = f".{attempt_id}.{secrets.token_hex(8)}.part"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK
        return VideoPart(self._descriptor, name, os.open(name, flags, _FILE_MODE, dir_fd=self._descriptor))

    def find(self, attempt_id: str, content_bytes: int) -> int | None:
        """Open a kept video and return its descriptor; one that is not as long as it was verified to be is removed."""
        if not (self.is_open and _ATTEMPT_ID.fullmatch(attempt_id)):
            return None
        flags = os.O_RDONLY | os.O_NONBLOCK | _NO_LINK
        try:
            descriptor = os.open(_name_of(attempt_id), flags, dir_fd=self._descriptor)
        except OSError:
            return None
        found = os.fstat(descriptor)
        if stat.S_ISREG(found.st_mode) and found.st_size == content_bytes:
            return descriptor
        os.close(descriptor)
        self.remove((attempt_id,))
        return None

    def remove(self, attempt_ids: Iterable[str]) -> None:
        """Remove videos; whoever reads one goes on reading it."""
        for attempt_id in attempt_ids if self.is_open else ():
            with suppress(FileNotFoundError, IsADirectoryError):
                os.unlink(_name_of(attempt_id), dir_fd=self._descriptor)

    def free_bytes(self) -> int:
        """How much the disk has left for this process."""
        disk = os.fstatvfs(self._descriptor)
        return disk.f_bavail * disk.f_frsize

    def _scanned(self) -> Iterator[KeptVideo]:
        with os.scandir(self._descriptor) as entries:
            for entry in entries:
                if not entry.is_file(follow_symlinks=False):
                    continue
                if _PART.fullmatch(entry.name):
                    os.unlink(entry.name, dir_fd=self._descriptor)
                elif video := _VIDEO.fullmatch(entry.name):
                    found = entry.stat(follow_symlinks=False)
                    yield KeptVideo(video[1], found.st_size, found.st_mtime)


class VideoPart:
    """A file that is being written. It counts once `keep` returned; `discard` may come at any moment before."""

    def __init__(self, folder: int, name: str, descriptor: int) -> None:
        self._folder = folder
        self._name = name
        self._file = os.fdopen(descriptor, "wb")

    def write(self, chunks: Iterable[bytes]) -> None:
        """Add bytes."""
        self._file.writelines(chunks)

    def keep(self, attempt_id: str) -> None:
        """Put it onto the disk, and only then under its final name."""
        self._file.flush()
        os.fsync(self._file.fileno())
        os.rename(self._name, _name_of(attempt_id), src_dir_fd=self._folder, dst_dir_fd=self._folder)
        self._file.close()
        os.fsync(self._folder)

    def discard(self) -> None:
        """Remove it."""
        # What is still buffered may find no room on the disk.
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            os.unlink(self._name, dir_fd=self._folder)


def why_unusable(path: Path) -> str | None:
    """Say what keeps videos from being kept in a folder, or None; makes and changes nothing."""
    place = path if os.path.lexists(path) else path.parent
    try:
        found = place.lstat()
    except OSError as error:
        return f"{place} cannot be used: {error.strerror}; make it first"
    if not stat.S_ISDIR(found.st_mode):
        return f"{place} is no folder (links are not followed); name one"
    if not os.access(place, os.W_OK | os.X_OK):
        return f"{place} cannot be written by this user; let it, or name another folder"
    if place == path:
        try:
            _require_own(found)
        except OSError as error:
            return f"{path}: {error.strerror}"
    return None


def _require_own(found: os.stat_result) -> None:
    if found.st_uid != os.geteuid():
        raise PermissionError(errno.EPERM, "the folder belongs to another user; make one of the router's own")
    if found.st_mode & 0o077:
        raise PermissionError(errno.EPERM, "others may look into the folder; run chmod 700 on it")


def _lock(descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise OSError(errno.EBUSY, "another router has the folder; give each its own") from None


def _name_of(attempt_id: str) -> str:
    return f"{attempt_id}.video"
