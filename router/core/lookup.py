"""Finding a submit whose answer was lost in its provider's own list of jobs."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from math import inf
from typing import Final, TypeAlias

from providers.canonical import ListedJob, ListedPage, VideoRequest


class LookupMode(StrEnum):
    """Which listed jobs may be taken for a lost submit.

    `identified`: one that carries our reference, or repeats the prompt. `exclusive`: nobody else uses the account, so
    one that fits in time and shape, and is the only one, is enough.
    """

    OFF = "off"
    IDENTIFIED = "identified"
    EXCLUSIVE = "exclusive"


@dataclass(frozen=True, slots=True)
class LookupSettings:
    """How a provider's list is searched: for `settle_s` after the answer was lost, in which a job may still appear.

    `proves_absence`: what is not listed by then was never taken on.
    """

    mode: LookupMode = LookupMode.IDENTIFIED
    settle_s: float = 30.0
    proves_absence: bool = False


# Clocks of other people, and the moment between an upstream's taking a job and writing it down.
CLOCK_SKEW_S: Final = 120.0
# A told prompt this long that ours begins with may be ours, cut.
CUT_PROMPT_CHARS: Final = 64
_ELLIPSES: Final = ("…", "...")


@dataclass(frozen=True, slots=True)
class Sought:
    """A submit whose answer was lost; the upstream may have made its job between these two moments, in wall seconds.

    `referenced`: what its provider is sent carries the reference, so a job without one is not taken for it.
    `mistakable`: a rival's job for another video may repeat the prompt, too.
    """

    reference: str
    video: VideoRequest
    upstream_model: str
    sent_at: float
    until: float
    referenced: bool = False
    mistakable: bool = False


@dataclass(frozen=True, slots=True)
class LostSubmit:
    """Another submit of ours, under way or lost, at about the same time."""

    video: VideoRequest
    upstream_model: str


@dataclass(frozen=True, slots=True)
class Matched:
    """This listed job is the submit's."""

    remote_id: str


@dataclass(frozen=True, slots=True)
class Unmatched:
    """No listed job can be the submit's."""


@dataclass(frozen=True, slots=True)
class Unclear:
    """A listed job may be the submit's, and nothing shows that it is: neither found nor absent."""


Match: TypeAlias = Matched | Unmatched | Unclear


class _Prompt(StrEnum):
    SAME = "same"
    CUT = "cut"
    UNTOLD = "untold"
    OTHER = "other"


_ONE_OF_ITS_KIND: Final = {
    LookupMode.OFF: frozenset[_Prompt](),
    LookupMode.IDENTIFIED: frozenset({_Prompt.SAME, _Prompt.CUT}),
    LookupMode.EXCLUSIVE: frozenset({_Prompt.SAME, _Prompt.CUT, _Prompt.UNTOLD}),
}


def match(
    sought: Sought, listed: Sequence[ListedJob], claimed: Collection[str], rivals: int, mode: LookupMode
) -> Match:
    """Find a lost submit among the jobs that no attempt of ours is known to own.

    `rivals` counts our other submits at this provider that may own one of them, too, as `rivals_of` tells. Jobs that
    repeat the prompt of a video without images are as good as each other, unless a rival's is another video; any other
    is only taken if no second one fits and no rival can claim it.
    """
    if mode is LookupMode.OFF:
        return Unclear()
    referred = [job for job in listed if job.reference == sought.reference]
    if referred:
        ours = [job for job in referred if job.remote_id not in claimed]
        return Matched(_oldest(ours)) if ours else Unclear()
    possible = [(job, prompt) for job in listed if (prompt := _possible(sought, job, claimed, mode)) is not None]
    fitting = [(job, prompt) for job, prompt in possible if _has_shape(sought, job) and not sought.referenced]
    repeated = [job for job, prompt in fitting if prompt is _Prompt.SAME]
    if repeated and not (sought.video.images or sought.mistakable):
        return Matched(_oldest(repeated))
    alike = {job.remote_id for job, prompt in fitting if prompt in _ONE_OF_ITS_KIND[mode]}
    if len(alike) == 1 and not rivals:
        return Matched(*alike)
    return Unclear() if possible else Unmatched()


def rivals_of(
    sought: Sought, others: Mapping[str, LostSubmit], listed: Sequence[ListedJob], claimed: Collection[str]
) -> dict[str, LostSubmit]:
    """Return those of our other submits that a listed job, by the shape that it tells, fits as well as the sought one.

    What a list does not tell fits every one.
    """
    ours = [job for job in listed if job.remote_id not in claimed and _has_shape(sought, job)]
    return {name: each for name, each in others.items() if any(_has_shape(each, job) for job in ours)}


def has_same_prompt(sought: Sought, other: LostSubmit) -> bool:
    """Whether a list would repeat the same prompt of both."""
    return _compare(sought.video.prompt, other.video.prompt) is _Prompt.SAME


def is_same_video(sought: Sought, other: LostSubmit) -> bool:
    """Whether the job of one would do for the other as well; images are known by their names only, so they are not."""
    ours, theirs = sought.video, other.video
    shape = (ours.seconds, ours.size, ours.watermark) == (theirs.seconds, theirs.size, theirs.watermark)
    return shape and sought.upstream_model == other.upstream_model and not (ours.images or theirs.images)


def is_past(page: ListedPage, sought: Sought) -> bool:
    """Whether a page reaches back before the submit, so that what follows it can only be older.

    A page that is not ordered from new to old says nothing of what follows.
    """
    moments = [job.created_at for job in page.jobs if job.created_at is not None]
    if not moments or any(later < earlier for later, earlier in pairwise(moments)):
        return False
    return moments[-1] < sought.sent_at - CLOCK_SKEW_S


def _possible(sought: Sought, job: ListedJob, claimed: Collection[str], mode: LookupMode) -> _Prompt | None:
    """How the prompt of a job that may be ours compares; None for one that cannot be.

    In an account of our own a job that we do not know is suspicious even with other words: upstreams rewrite prompts.
    """
    if job.remote_id in claimed or job.reference is not None or not _is_within(sought, job.created_at):
        return None
    prompt = _compare(sought.video.prompt, job.prompt)
    if prompt in (_Prompt.SAME, _Prompt.CUT):
        return prompt
    if not _has_frame(sought, job) or (prompt is _Prompt.OTHER and mode is not LookupMode.EXCLUSIVE):
        return None
    return prompt


def _is_within(sought: Sought, created_at: float | None) -> bool:
    if created_at is None:
        return True
    return sought.sent_at - CLOCK_SKEW_S <= created_at <= sought.until + CLOCK_SKEW_S


def _has_frame(sought: Sought | LostSubmit, job: ListedJob) -> bool:
    video = sought.video
    return job.seconds in (None, video.seconds) and job.size in (None, video.size)


def _has_shape(sought: Sought | LostSubmit, job: ListedJob) -> bool:
    """Whether all that is told is as we asked. A model may go by another name upstream, which excludes nothing."""
    return _has_frame(sought, job) and job.model in (None, sought.upstream_model)


def _compare(ours: str, told: str | None) -> _Prompt:
    """Upstreams trim, cut and reflow what they repeat."""
    told = " ".join((told or "").split())
    if not told:
        return _Prompt.UNTOLD
    ours = " ".join(ours.split())
    if ours == told:
        return _Prompt.SAME
    for ellipsis in _ELLIPSES:
        told = told.removesuffix(ellipsis)
    told = told.rstrip()
    return _Prompt.CUT if len(told) >= CUT_PROMPT_CHARS and ours.startswith(told) else _Prompt.OTHER


def _oldest(jobs: Sequence[ListedJob]) -> str:
    def age(job: ListedJob) -> tuple[float, str]:
        return (inf if job.created_at is None else job.created_at, job.remote_id)

    return min(jobs, key=age).remote_id
