"""Calls into an adapter that may do anything: what they return, or what they raised."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias, TypeVar, assert_never

from providers.adapter import Adapter, FormPart, HttpRequest, HttpResponse
from providers.canonical import VideoRequest
from providers.certification.exchange import Kind, listing
from providers.certification.samples import videos
from providers.certification.subject import Subject, Violation

T = TypeVar("T")
# What came of one case: nothing to say, or a broken promise.
Case: TypeAlias = Violation | None

SHOWN_CHARS = 160


@dataclass(frozen=True, slots=True)
class Raised:
    """An exception in place of an answer."""

    error: BaseException

    def __str__(self) -> str:
        return f"raised {type(self.error).__name__}: {shortened(str(self.error))}"


def called(call: Callable[..., T], *arguments: object) -> T | Raised:
    """Call, and return what it raises rather than raise it; so does a request with a field that cannot be sent."""
    try:
        answer = call(*arguments)
        if isinstance(answer, HttpRequest):
            _expect_types(answer)
    except Exception as error:  # noqa: BLE001 - whatever a stranger's code raises is a finding, not our end
        return Raised(error)
    return answer


def _expect_types(request: HttpRequest) -> None:
    """Raise TypeError where the checks, and the router, could not go on."""
    for name, fits in (
        ("method", _is_text),
        ("path", _is_text),
        ("query", _is_texts),
        ("headers", _is_texts),
        ("json", _is_object),
        ("form", _is_form),
    ):
        value = getattr(request, name)
        if not fits(value):
            raise TypeError(f"an HttpRequest cannot have the {name} {shortened(repr(value), 40)}")


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_texts(value: object) -> bool:
    return isinstance(value, Mapping) and all(isinstance(part, str) for pair in value.items() for part in pair)


def _is_object(value: object) -> bool:
    return value is None or (isinstance(value, dict) and all(isinstance(key, str) for key in value))


def _is_form(value: object) -> bool:
    return isinstance(value, tuple) and all(isinstance(part, FormPart) for part in value)


def read_directly(adapter: Adapter, kind: Kind, response: HttpResponse) -> object:
    """Read an answer by the adapter alone, without what the engine puts around it."""
    match kind:
        case "submit":
            return called(adapter.read_submit, response)
        case "poll":
            return called(adapter.read_poll, response)
        case "list":
            return called(listing(adapter).read_lookup, response)
        case _:
            assert_never(kind)


def asked_for(subject: Subject) -> Iterator[tuple[VideoRequest, object]]:
    """Every sample request with what `unsupported` says of it."""
    for plain in videos(subject.seed):
        video = replace(plain, model=subject.model)
        yield video, unsupported(subject, video)


def unsupported(subject: Subject, video: VideoRequest) -> object:
    """What the adapter says that it cannot say."""
    return called(subject.adapter.unsupported, video, subject.model)


def submitted(subject: Subject, video: VideoRequest) -> HttpRequest | None:
    """The create of a video, or None where there is none to look at; that it must not raise is a check of its own."""
    if unsupported(subject, video) is not None:
        return None
    request = called(subject.adapter.submit_request, video, subject.model)
    return request if isinstance(request, HttpRequest) else None


def said(subject: Subject) -> Iterator[tuple[VideoRequest, HttpRequest]]:
    """Every sample request that the adapter can say, with what it sends."""
    for plain in videos(subject.seed):
        video = replace(plain, model=subject.model)
        request = submitted(subject, video)
        if request is not None:
            yield video, request


def video_text(video: VideoRequest) -> str:
    """A request in words: `10 s of 720x1280 with 2 images`."""
    images = f", images: {', '.join(image.kind for image in video.images)}" if video.images else ""
    watermark = "" if video.watermark is None else f", watermark {str(video.watermark).lower()}"
    return f"{video.seconds} s of {video.size}{images}{watermark}, prompt {shortened(repr(video.prompt), 24)}"


def request_text(request: HttpRequest) -> str:
    """A request's line and the names it sends."""
    names = list(request.json or ()) or [part.name for part in request.form]
    query = f"?{'&'.join(f'{key}={value}' for key, value in request.query.items())}" if request.query else ""
    return shortened(f"{request.method} {request.path}{query}{' with ' + ', '.join(names) if names else ''}")


def response_text(response: HttpResponse) -> str:
    """An answer's status and the beginning of its body."""
    return f"HTTP {response.status} {shortened(response.body.decode('utf-8', 'replace'))!r}"


def shortened(text: str, length: int = SHOWN_CHARS) -> str:
    """The beginning of a text, and how long it really is."""
    return text if len(text) <= length else f"{text[:length]}... ({len(text)} characters)"
