"""What an attempt went through on its way, for its span: small, bounded, and in nobody's own words."""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, TypeAlias

from providers.canonical import Failure, Reason, Running, Stage, Succeeded

_FLAGS: Final = re.compile(r"[0-9a-f]{2}")
NOTES_MAX: Final = 64
"""How many notes are kept of an attempt's polls; what changes after that is only counted."""
DOWNLOADS_MAX: Final = 16
"""How many readings of its video are kept of an attempt; those after them are only counted."""


class Said(StrEnum):
    """What a poll said of its attempt; `silent` says nothing, and of `unrecognised` no table knows the word."""

    QUEUED = "queued"
    RUNNING = "running"
    UNRECOGNISED = "unrecognised"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class PollNote:
    """So many `polls` that said the same, the first of them at `at`, in wall seconds.

    `progress` is the percentage told; `reason` is why the attempt failed, or why the poll said nothing.
    """

    at: float
    said: Said
    progress: int | None = None
    reason: Reason | None = None
    polls: int = 1


@dataclass(frozen=True, slots=True)
class Download:
    """One reading of a finished video, in wall seconds; `cause` is what was wrong, in the router's own words."""

    began_at: float
    ended_at: float
    reason: Reason | None = None
    cause: str | None = None


@dataclass(frozen=True, slots=True)
class Trail:
    """`resumed`: taken over from a run that broke or was killed, and what that one saw is not known.

    `answered_at` is when its submit was answered, or given up, `found_at` when one whose answer was lost was found in
    its provider's list, in wall seconds; the three counts are of all there was.
    """

    resumed: bool = False
    answered_at: float | None = None
    notes: tuple[PollNote, ...] = ()
    downloads: tuple[Download, ...] = ()
    polls: int = 0
    polls_failed: int = 0
    downloads_begun: int = 0
    found_at: float | None = None


@dataclass(slots=True)
class _Notes:
    """What is kept of a traced attempt; `counts` is how many polls each of the `polls` stands for."""

    polls: list[PollNote] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    open: dict["_Told", int] = field(default_factory=dict)
    downloads: list[Download] = field(default_factory=list)

    def polled(self, told: "_Told", at: float) -> None:
        """Add a poll; failed ones are one note for each reason until something else is said."""
        known = self.open.get(told)
        if known is not None:
            self.counts[known] += 1
            return
        if told[0] is not Said.SILENT:
            self.open.clear()
        if len(self.polls) < NOTES_MAX:
            self.open[told] = len(self.polls)
            self.polls.append(PollNote(at, *told))
            self.counts.append(1)


_NOTHING_NOTED: Final = _Notes()


@dataclass(slots=True)
class TrailRecorder:
    """Takes notes while an attempt runs. `progress` is the last percentage that its provider told.

    Not `traced`, it only counts: notes would take memory of every live job for a span that nobody keeps.
    """

    resumed: bool = False
    traced: bool = True
    answered_at: float | None = None
    found_at: float | None = None
    progress: int | None = None
    _polls: int = 0
    _polls_failed: int = 0
    _downloads_begun: int = 0
    _noted: _Notes | None = None

    def polled(self, reading: Running | Succeeded | Failure, at: float) -> None:
        """Note what a poll said."""
        told = said, progress, _ = _told(reading)
        self._polls += 1
        if said is Said.SILENT:
            self._polls_failed += 1
        elif progress is not None:
            self.progress = progress
        if self.traced:
            self._notes().polled(told, at)

    def downloaded(self, download: Download) -> None:
        """Note that the video was read, or could not be."""
        self._downloads_begun += 1
        if self.traced and len(self._notes().downloads) < DOWNLOADS_MAX:
            self._notes().downloads.append(download)

    def trail(self) -> Trail:
        """Return what was noted so far."""
        noted = self._noted or _NOTHING_NOTED
        counted = zip(noted.polls, noted.counts, strict=True)
        return Trail(
            self.resumed,
            self.answered_at,
            tuple(PollNote(note.at, note.said, note.progress, note.reason, polls) for note, polls in counted),
            tuple(noted.downloads),
            self._polls,
            self._polls_failed,
            self._downloads_begun,
            self.found_at,
        )

    def _notes(self) -> _Notes:
        if self._noted is None:
            self._noted = _Notes()
        return self._noted


def is_traced(trace_parent: str | None) -> bool:
    """Whether a job's trace is kept, by the last bit of its W3C `traceparent`; None is no trace."""
    flags = "" if trace_parent is None else trace_parent[-2:]
    return bool(_FLAGS.fullmatch(flags)) and int(flags, 16) % 2 == 1


# What a poll said, its progress and its reason; those that said the same are equal.
_Told: TypeAlias = tuple[Said, int | None, Reason | None]


def _told(reading: Running | Succeeded | Failure) -> _Told:
    match reading:
        case Running(queued, progress, unknown_word):
            said = Said.QUEUED if queued else Said.RUNNING
            return said if unknown_word is None else Said.UNRECOGNISED, progress, None
        case Succeeded():
            return Said.SUCCEEDED, None, None
        case Failure(stage, reason):
            return Said.SILENT if stage is Stage.POLL else Said.FAILED, None, reason
