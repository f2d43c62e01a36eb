"""The vocabulary every room shares: what is asked for, how far it is, and where and why it failed."""

import base64
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, TypeAlias


class Stage(StrEnum):
    """Where an attempt failed. Closed: every member is a metric label."""

    ROUTE = "route"
    SUBMIT = "submit"
    IMAGE_REVIEW = "image_review"
    PROMPT_REVIEW = "prompt_review"
    QUEUE = "queue"
    GENERATE = "generate"
    OUTPUT_REVIEW = "output_review"
    POLL = "poll"
    DOWNLOAD = "download"


class Reason(StrEnum):
    """Why an attempt failed. Closed: every member is a metric label and a row of the policy table."""

    REFUSED = "refused"
    INVALID = "invalid"
    UNSUPPORTED = "unsupported"
    AUTH = "auth"
    BALANCE = "balance"
    RATE_LIMITED = "rate_limited"
    OVERLOADED = "overloaded"
    UNREACHABLE = "unreachable"
    AMBIGUOUS = "ambiguous"
    UNREADABLE = "unreadable"
    INTERNAL = "internal"
    STALLED = "stalled"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    BUDGET = "budget"
    NO_CANDIDATE = "no_candidate"
    OTHER = "other"


class ListPolling(StrEnum):
    """What an upstream's list of jobs may say in the place of single polls.

    `confirmed`: how far a job is; that it has ended is asked again of the job alone. `trusted`: a success, too.
    """

    OFF = "off"
    CONFIRMED = "confirmed"
    TRUSTED = "trusted"


Orientation: TypeAlias = Literal["portrait", "landscape", "square"]
ImageKind: TypeAlias = Literal["url", "file"]
Variant: TypeAlias = Literal["video", "thumbnail", "spritesheet"]


@dataclass(frozen=True, slots=True, order=True)
class Size:
    """A video's width and height in pixels, written `720x1280`."""

    width: int
    height: int

    @classmethod
    def parse(cls, text: str) -> "Size":
        """Read `WIDTHxHEIGHT`; raise ValueError on anything else."""
        width, separator, height = text.partition("x")
        if not (separator and width.isdecimal() and height.isdecimal() and len(text) <= 11):
            raise ValueError(f"{text[:32]!r} is not a size; write WIDTHxHEIGHT, for example 720x1280")
        size = cls(int(width), int(height))
        if min(size.width, size.height) < 1:
            raise ValueError(f"{text!r} is not a size; both sides must be at least 1 pixel")
        return size

    @property
    def orientation(self) -> Orientation:
        """Portrait, landscape, or square when neither side is longer."""
        if self.width == self.height:
            return "square"
        return "landscape" if self.width > self.height else "portrait"

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


@dataclass(frozen=True, slots=True)
class ImageUrl:
    """An input image that the upstream fetches by itself."""

    url: str = field(repr=False)

    @property
    def kind(self) -> ImageKind:
        """The name of this kind in the configuration's `image_inputs`."""
        return "url"


@dataclass(frozen=True, slots=True)
class ImageFile:
    """An input image whose bytes the caller sent; `media_type` is one of image/jpeg, image/png, image/webp."""

    data: bytes = field(repr=False)
    media_type: str
    file_name: str = "input"

    @property
    def kind(self) -> ImageKind:
        """The name of this kind in the configuration's `image_inputs`."""
        return "file"

    def data_url(self) -> str:
        """The bytes as an RFC 2397 `data:` URL."""
        return f"data:{self.media_type};base64,{base64.b64encode(self.data).decode('ascii')}"


Image: TypeAlias = ImageUrl | ImageFile


@dataclass(frozen=True, slots=True)
class VideoRequest:
    """What the caller wants, in no dialect's terms. `watermark` None leaves it to the upstream's default."""

    prompt: str = field(repr=False)
    model: str
    seconds: int
    size: Size
    images: tuple[Image, ...] = ()
    watermark: bool | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """A submit that the upstream took on. `remote_id` is what its poll wants, verbatim."""

    remote_id: str


@dataclass(frozen=True, slots=True)
class Running:
    """A job not ended yet. `progress` is 0-100 or unknown; `unknown_word` is a status word no table lists.

    A `url` beside an unfinished status may be the finished video of a job whose status no longer moves.
    """

    queued: bool
    progress: int | None = None
    unknown_word: str | None = None
    url: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Succeeded:
    """A job the upstream calls done, with its link if it told one. `expires_at` is wall seconds when the link dies."""

    url: str | None = field(default=None, repr=False)
    cost_microusd: int | None = None
    expires_at: float | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Where and why an exchange or a job failed.

    From `read_poll`, stage `poll` says that the *poll* failed and nothing of the video; every other stage says that
    the job itself has failed. `message` holds the upstream's own words, which may quote the prompt: never log it.
    `recognised` False says that no table knows those words, and only the HTTP status or the lack of a video spoke.
    """

    stage: Stage
    reason: Reason
    message: str = field(default="", repr=False)
    code: str | None = None
    retry_after_s: float | None = None
    cost_microusd: int | None = None
    recognised: bool = True


@dataclass(frozen=True, slots=True)
class ListedJob:
    """One job of an upstream's list; None is whatever it does not tell. `created_at` is wall seconds.

    `reference` is the one that we put into the submit, where the upstream keeps it.
    """

    remote_id: str
    created_at: float | None = None
    model: str | None = None
    seconds: int | None = None
    size: Size | None = None
    prompt: str | None = field(default=None, repr=False)
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class ListedPage:
    """A part of an upstream's list, newest first; `cursor` asks for the next part, None says that this was the last.

    `whole` False says that something was listed that could not be read, so what is missing may be there.
    """

    jobs: tuple[ListedJob, ...]
    cursor: str | None = None
    whole: bool = True
