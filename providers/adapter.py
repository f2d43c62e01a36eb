"""The one interface a dialect implements, and the values that cross it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias

import orjson

from providers.canonical import Accepted, Failure, Running, Succeeded, Variant, VideoRequest

Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class FormPart:
    """One part of a multipart/form-data body; a part with a `file_name` is a file."""

    name: str
    value: str | bytes = field(repr=False)
    file_name: str | None = None
    media_type: str | None = None


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """An exchange to be sent. A relative `path` gets the provider's base URL and key; an absolute one gets neither.

    At most one of `json` and `form` is set; `form` is sent as multipart/form-data.
    """

    method: Literal["GET", "POST", "DELETE"]
    path: str = field(repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    json: Json | None = field(default=None, repr=False)
    form: tuple[FormPart, ...] = field(default=(), repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def absolute(self) -> bool:
        """Whether this goes to a link an upstream named, rather than to the provider's own API."""
        return "://" in self.path


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A complete answer. Header names are lower-case; the transport has already capped the body's length."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    def document(self) -> Json:
        """The body as a JSON object; raise ValueError when it is anything else."""
        document = orjson.loads(self.body)
        if not isinstance(document, dict):
            raise ValueError(f"expected a JSON object, got {type(document).__name__}")  # noqa: TRY004 - one error to catch
        return document


@dataclass(frozen=True, slots=True)
class PolledJob:
    """One job of a list, with what a poll of it alone would have been answered.

    `created_at` is wall seconds; `ended` says that its status is none that goes on, which is worth a closer look.
    """

    remote_id: str
    answer: HttpResponse
    created_at: float | None = None
    ended: bool = False


@dataclass(frozen=True, slots=True)
class PolledPage:
    """A part of an upstream's list, newest first; `cursor` asks for the next part, None says that this was the last."""

    jobs: tuple[PolledJob, ...]
    cursor: str | None = None


class Adapter(Protocol):
    """One wire dialect. Translates; never sends. A module with these functions is an adapter."""

    def unsupported(self, video: VideoRequest, model: str) -> str | None:
        """Why this dialect cannot say `video`, in words for the caller, or None when it can.

        Only what cannot be *expressed*: what is sold, in which sizes and lengths, is the catalogue's question.
        """

    def submit_request(self, video: VideoRequest, model: str) -> HttpRequest:
        """Build the create exchange for a `video` that is not `unsupported`; `model` is the upstream's own name."""

    def read_submit(self, response: HttpResponse) -> Accepted | Failure:
        """Read a create's answer.

        Reason `ambiguous` unless the answer proves acceptance or refusal. May raise LookupError, TypeError, ValueError
        or AttributeError on nonsense: `providers.reading` turns that into a Failure.
        """

    def poll_request(self, remote_id: str) -> HttpRequest:
        """Build the exchange that asks how far a job is."""

    def read_poll(self, response: HttpResponse) -> Running | Succeeded | Failure:
        """Read a poll's answer; may raise like `read_submit`, which then reads as a failed poll."""

    def content_request(self, remote_id: str, done: Succeeded, variant: Variant = "video") -> HttpRequest | None:
        """Build the exchange that fetches the finished bytes, or None when the dialect has no such variant."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A known speaker of a dialect: the adapter that knows its habits, and how it wants its key, unless configured."""

    adapter: Adapter = field(repr=False)
    auth_header: str = "Authorization"
    auth_prefix: str = "Bearer "
    query: Mapping[str, str] = field(default_factory=dict)
