"""Recorded jobs as JSON lines: a first line that says what the file is, then one job a line, the eldest first."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, BinaryIO, Final

import orjson
from pydantic import TypeAdapter, ValidationError

from providers.canonical import Size
from router.core.history import RecordedAttempt, RecordedJob
from router.core.preferences import NO_PREFERENCES, RoutingPreferences
from router.core.spelled_preferences import read_preferences, spelled

VERSION: Final = 1
JOBS_MAX: Final = 200_000
"""How many jobs are read; one takes about 2 KB of memory."""
LINE_BYTES_MAX: Final = 256 * 1024
ATTEMPTS_MAX: Final = 100
_KIND: Final = "video-router"
_JOB: Final = TypeAdapter(RecordedJob)
_PREFERENCES: Final = TypeAdapter(RoutingPreferences)
_WRITE_IT: Final = "`video-router journal > FILE` writes one"


class JournalError(Exception):
    """A file is no journal, or a line of it says something that no job can be."""


def write_journal(jobs: Iterable[RecordedJob], to: BinaryIO) -> int:
    """Write jobs as they come and return how many they were."""
    to.write(orjson.dumps({"journal": _KIND, "version": VERSION}) + b"\n")
    count = 0
    for job in jobs:
        to.write(line_of(job) + b"\n")
        count += 1
    return count


def line_of(job: RecordedJob) -> bytes:
    """Write one job as one line, without what is not known of it."""
    document = {
        **asdict(replace(job, preferences=NO_PREFERENCES, attempts=())),
        "size": str(job.size),
        "preferences": spelled(job.preferences),
        "attempts": [_said(asdict(attempt)) for attempt in job.attempts],
    }
    return orjson.dumps(_said(document))


def read_journal(path: Path) -> list[RecordedJob]:
    """Read a journal, its jobs sorted by when they came; JournalError says which line is wrong, and how."""
    try:
        with path.open("rb") as lines:
            return sorted(_jobs(path, _lines(path, lines)), key=lambda job: job.created_at)
    except OSError as error:
        raise JournalError(f"cannot read {path}: {error.strerror or error}") from error


def _jobs(path: Path, lines: Iterator[tuple[int, bytes]]) -> Iterator[RecordedJob]:
    _, first = next(lines, (1, b""))
    _check_head(path, first)
    seen: set[str] = set()
    for number, line in lines:
        if len(seen) >= JOBS_MAX:
            raise JournalError(f"{path} has more than {JOBS_MAX:,} jobs; write a shorter one with `journal --since`")
        try:
            job = _job(line)
        except (ValueError, TypeError, LookupError) as error:
            raise JournalError(f"{path}, line {number}: {_words(error)}") from None
        if job.id in seen:
            raise JournalError(f"{path}, line {number}: job {job.id} was there before")
        seen.add(job.id)
        yield job


def _lines(path: Path, file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    number = 0
    while line := file.readline(LINE_BYTES_MAX + 1):
        number += 1
        if len(line) > LINE_BYTES_MAX:
            raise JournalError(f"{path}, line {number}: is longer than {LINE_BYTES_MAX:,} bytes")
        if line.strip():
            yield number, line


def _check_head(path: Path, line: bytes) -> None:
    try:
        head = orjson.loads(line)
    except orjson.JSONDecodeError:
        head = None
    if not isinstance(head, dict) or head.get("journal") != _KIND:
        raise JournalError(f'{path} is no journal: its first line is not {{"journal":"{_KIND}",...}}; {_WRITE_IT}')
    if head.get("version") != VERSION:
        raise JournalError(
            f"{path} is a journal of version {head.get('version')!r}, this program reads {VERSION}; {_WRITE_IT} anew"
        )


def _job(line: bytes) -> RecordedJob:
    said = orjson.loads(line)
    if not isinstance(said, dict):
        raise TypeError("is no JSON object")
    if not isinstance(said.get("size"), str):
        raise TypeError("size: is missing, or no text such as 720x1280")
    if not isinstance(said.get("preferences", {}), dict):
        raise TypeError("preferences: is no JSON object")
    preferences = _PREFERENCES.validate_python(_fields(read_preferences(said.get("preferences", {}))))
    job = _JOB.validate_python({**said, "size": Size.parse(said["size"]), "preferences": preferences})
    _check(job)
    return job


def _fields(preferences: RoutingPreferences) -> dict[str, object]:
    return {name: getattr(preferences, name) for name in RoutingPreferences.__slots__}


def _check(job: RecordedJob) -> None:
    """Refuse what no router records; ValueError says what."""
    if job.seconds < 1:
        raise ValueError(f"seconds: {job.seconds} is less than 1")
    if len(job.attempts) > ATTEMPTS_MAX:
        raise ValueError(f"attempts: are {len(job.attempts)}, at most {ATTEMPTS_MAX} are read")
    if job.ended != (job.ended_at is not None):
        raise ValueError(f"ended_at: a job that is {job.state} has {'one' if job.ended else 'none'}")
    if job.ended_at is not None and job.ended_at < job.created_at:
        raise ValueError("ended_at: is before created_at")
    for place, attempt in enumerate(job.attempts):
        if wrong := _wrong(attempt):
            raise ValueError(f"attempts.{place}.{wrong}")


def _wrong(attempt: RecordedAttempt) -> str | None:
    for name in ("number", "seconds"):
        if getattr(attempt, name) < 1:
            return f"{name}: is less than 1"
    for name in ("quote_microusd", "posted_microusd", "open_microusd"):
        if getattr(attempt, name) < 0:
            return f"{name}: is less than 0"
    if attempt.ended_at is not None and attempt.ended_at < attempt.submitted_at:
        return "ended_at: is before submitted_at"
    return None


def _said(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if value not in (None, (), [], {})}


def _words(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    if isinstance(error, orjson.JSONDecodeError):
        return f"is no JSON: {error.msg} at column {error.colno}"
    return str(error)
