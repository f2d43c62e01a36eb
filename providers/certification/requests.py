"""Checks of what an adapter sends: everything that was asked for, said exactly, and nothing that is the router's."""

import base64
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import product
from typing import Any, Final, get_args
from urllib.parse import unquote

import orjson

from providers.adapter import HttpRequest
from providers.canonical import Image, ImageUrl, Succeeded, Variant, VideoRequest
from providers.certification.calling import (
    Case,
    Raised,
    asked_for,
    called,
    request_text,
    said,
    shortened,
    submitted,
    unsupported,
    video_text,
)
from providers.certification.samples import IDS, PLAIN, siblings
from providers.certification.subject import Subject, Violation

LINK: Final = "https://cdn.example.test/v/1.mp4?sig=a%2Fb&expires=1"
REASON_CHARS: Final = 20
ROUTERS_HEADERS: Final = frozenset({"authorization", "cookie", "host", "content-length", "content-type"})
_MARKER: Final = "certified0id"
_RAW_IN_PATH: Final = frozenset('/?# \\"')


def requests_are_built(subject: Subject) -> Iterator[Case]:
    """No function that builds a request raises or answers with something else, and something can be said at all."""
    sayable = 0
    for video, why in asked_for(subject):
        if isinstance(why, Raised):
            yield Violation(f"unsupported({video_text(video)})", str(why), "return a reason, or None")
        elif why is None:
            sayable += 1
            built = called(subject.adapter.submit_request, video, subject.model)
            yield built_request(f"submit_request({video_text(video)})", built)
    for remote_id in IDS:
        asked = f"({shortened(remote_id, 40)!r})"
        yield built_request(f"poll_request{asked}", called(subject.adapter.poll_request, remote_id))
        for done, variant in product((Succeeded(), Succeeded(LINK)), get_args(Variant)):
            fetch = called(subject.adapter.content_request, remote_id, done, variant)
            yield None if fetch is None else built_request(f"content_request{asked} of a {variant}", fetch)
    if not sayable:
        yield Violation(
            f"all sample requests, model {subject.model!r}",
            "every one is unsupported",
            "say at least one; name a model that the dialect takes with --model",
        )


def built_request(asked: str, built: object) -> Case:
    """Whether a function built a request."""
    if isinstance(built, HttpRequest):
        return None
    return Violation(
        asked, str(built) if isinstance(built, Raised) else f"a {type(built).__name__}", "return an HttpRequest"
    )


def the_unsayable_is_explained(subject: Subject) -> Iterator[Case]:
    """`unsupported` answers None, or tells the caller why in a sentence."""
    for video, why in asked_for(subject):
        if why is None or isinstance(why, Raised):
            yield None
        elif not isinstance(why, str) or len(why.strip()) <= REASON_CHARS:
            change = "return a sentence that says what cannot be said and what can"
            yield Violation(f"unsupported({video_text(video)})", repr(why), change)
        else:
            yield None


def a_submit_is_a_relative_post(subject: Subject) -> Iterator[Case]:
    """A create is a POST to a relative path, with one body that can be encoded, and with no header of the router's."""
    for video, request in said(subject):
        problem = not_relative(request) or _not_sendable(request)
        if request.method != "POST":
            problem = f"{request.method} to create; use POST"
        yield wrong(f"submit_request({video_text(video)})", request, problem)


def not_relative(request: HttpRequest) -> str | None:
    """Why a request is none that the router can address, in words of what to change."""
    if request.absolute or not request.path.startswith("/") or request.path.startswith("//"):
        return "the path is not relative; begin it with a single `/`, the router adds base URL and key"
    if not request.path.isascii() or set(request.path) & set("?# \\"):
        return "the path holds characters that end it; percent-encode them, and put parameters into `query`"
    if taken := sorted(name for name in request.headers if name.lower() in ROUTERS_HEADERS):
        return f"it sets the header {', '.join(taken)}; leave that to the router"
    return None


def _not_sendable(request: HttpRequest) -> str | None:
    if (request.json is None) == (request.form == ()):
        return "a create needs exactly one of `json` and `form`"
    try:
        orjson.dumps(request.json)
    except TypeError as error:
        return f"`json` cannot be encoded ({error}); use texts, numbers, lists and objects"
    if any(not isinstance(part.value, str | bytes) for part in request.form):
        return "a form part is neither text nor bytes; write numbers as texts"
    return None


def prompt_and_model_are_verbatim(subject: Subject) -> Iterator[Case]:
    """The prompt is a value of the body, to the letter, and the upstream's model name is in the request."""
    for video, request in said(subject):
        problem = None
        if video.prompt not in leaves(request):
            problem = "no value equals the prompt; send it unchanged, spaces and line ends too"
        elif not any(subject.model in text for text in (*_texts(request), unquote(request.path))):
            problem = f"the model name {subject.model!r} is nowhere; send it as it was given"
        yield wrong(f"submit_request({video_text(video)})", request, problem)


def seconds_are_said(subject: Subject) -> Iterator[Case]:
    """A dialect with a choice of lengths says the length, in seconds or milliseconds, as a number or in a text."""
    sent = list(said(subject))
    if len({video.seconds for video, _ in sent}) < 2:
        return
    for video, request in sent:
        problem = None
        if not any(_says_seconds(value, video) for value in leaves(request)):
            problem = f"no value says {video.seconds} seconds; send the length exactly, or call it unsupported"
        yield wrong(f"submit_request({video_text(video)})", request, problem)


def _says_seconds(value: object, video: VideoRequest) -> bool:
    if isinstance(value, bool) or value == video.prompt:
        return False
    if isinstance(value, int | float):
        return value in {video.seconds, video.seconds * 1_000}
    if not isinstance(value, str) or len(value) > 64 or "://" in value:
        return False
    return bool({str(video.seconds), str(video.seconds * 1_000)} & set(re.findall(r"\d+", value)))


def every_image_is_sent(subject: Subject) -> Iterator[Case]:
    """Each input image is in the request, once, as its link, its bytes, or the bytes as base64 or as a `data:` URL."""
    for video, request in said(subject):
        sent = Counter(leaf for leaf in leaves(request) if isinstance(leaf, str | bytes))
        missing = [image.kind for image in video.images if sum(sent[form] for form in _image_forms(image)) != 1]
        problem = (
            f"of its images ({', '.join(missing)}) each must be there once; or call it unsupported" if missing else None
        )
        yield wrong(f"submit_request({video_text(video)})", request, problem)


def _image_forms(image: Image) -> tuple[str | bytes, ...]:
    if isinstance(image, ImageUrl):
        return (image.url,)
    return (image.data, image.data_url(), base64.b64encode(image.data).decode())


def differences_show(subject: Subject) -> Iterator[Case]:
    """Two requests that differ in prompt, length, size, images, a forbidden watermark or model are not sent alike."""
    seen: dict[tuple[Any, ...], VideoRequest] = {}
    sent = list(said(subject))
    for video, request in sent:
        if replace(video, seconds=PLAIN.seconds, size=PLAIN.size) == replace(PLAIN, model=video.model):
            yield _alike(seen.setdefault(fingerprint(request), video), video, "seconds and size")
    # The samples at random come last, and have every field in them.
    for video, request in [*sent[:1], *sent[-60:]]:
        for name, sibling in siblings(video):
            other = submitted(subject, sibling)
            same = other is not None and fingerprint(other) == fingerprint(request)
            yield _alike(video, sibling, name) if same else None
    yield from _models_show(subject, sent[:1])


def _models_show(subject: Subject, sent: list[tuple[VideoRequest, HttpRequest]]) -> Iterator[Case]:
    other = replace(subject, model=f"{subject.model}-other")
    for video, request in sent:
        renamed = replace(video, model=other.model)
        found = submitted(other, renamed) if unsupported(other, renamed) is None else None
        same = found is not None and fingerprint(found) == fingerprint(request)
        yield _alike(video, renamed, "the model's name") if same else None


def _alike(first: VideoRequest, second: VideoRequest, name: str) -> Case:
    if first == second:
        return None
    asked = f"{video_text(first)} and {video_text(second)}"
    return Violation(asked, "one and the same request", f"say {name} exactly, or call one of them unsupported")


def a_poll_is_a_relative_get(subject: Subject) -> Iterator[Case]:
    """A poll is a GET of a relative path, without a body and with no header of the router's."""
    for remote_id in IDS:
        request = called(subject.adapter.poll_request, remote_id)
        if not isinstance(request, HttpRequest):
            continue
        problem = not_relative(request)
        if request.method != "GET" or request.json is not None or request.form:
            problem = "a poll is asked again and again; use GET without a body"
        yield wrong(f"poll_request({shortened(remote_id, 40)!r})", request, problem)


def ids_stay_whole(subject: Subject) -> Iterator[Case]:
    """A job's id reaches the upstream to the letter: percent-encoded in the path, or as it is in the query."""
    for remote_id in IDS:
        yield id_kept("poll_request", subject.adapter.poll_request, remote_id)
        yield id_kept("content_request", lambda i: subject.adapter.content_request(i, Succeeded()), remote_id)


def id_kept(name: str, build: Callable[[str], HttpRequest | None], remote_id: str) -> Case:
    """Whether an id is in a request to the letter."""
    plain, request = called(build, _MARKER), called(build, remote_id)
    if not isinstance(plain, HttpRequest) or not isinstance(request, HttpRequest) or request.absolute:
        return None
    return wrong(f"{name}({shortened(remote_id, 40)!r})", request, _id_lost(plain, request, remote_id))


def _id_lost(plain: HttpRequest, request: HttpRequest, remote_id: str) -> str | None:
    for key, value in plain.query.items():
        if _MARKER in value:
            kept = request.query.get(key) == value.replace(_MARKER, remote_id)
            return None if kept else f"the query's {key!r} is not the id; put it there as it is"
    head, marker, tail = plain.path.partition(_MARKER)
    if not marker:
        return "the id is neither in the path nor in the query"
    if not (request.path.startswith(head) and request.path.endswith(tail)):
        return "the path around the id changes with the id"
    encoded = request.path[len(head) : len(request.path) - len(tail)]
    if unquote(encoded) != remote_id or not encoded.isascii() or set(encoded) & _RAW_IN_PATH:
        return 'the path does not hold the id percent-encoded; use quote(remote_id, safe="")'
    return None


def a_result_link_is_fetched_bare(subject: Subject) -> Iterator[Case]:
    """A link that a job named is fetched as it is, without headers; only the upstream itself is asked by a path."""
    for remote_id in IDS:
        for done in (Succeeded(LINK), Succeeded()):
            request = called(subject.adapter.content_request, remote_id, done)
            if isinstance(request, Raised):
                continue
            asked = f"content_request({shortened(remote_id, 40)!r}, {'a link' if done.url else 'no link'})"
            if request is None:
                yield None if done.url is None else Violation(asked, "None", "fetch the link that the job named")
            elif request.absolute:
                bare = request == HttpRequest("GET", done.url or "")
                problem = "it is not GET of the link alone; the link's host must get nothing of the provider's"
                yield wrong(asked, request, None if bare else problem)
            else:
                fetched = request.method == "GET" and request.json is None and not request.form
                yield wrong(asked, request, not_relative(request) or (None if fetched else "use GET without a body"))


def a_variant_is_not_the_video(subject: Subject) -> Iterator[Case]:
    """A thumbnail or spritesheet has a request of its own, or there is none."""
    for done in (Succeeded(LINK), Succeeded()):
        seen: dict[tuple[Any, ...], str] = {}
        for variant in get_args(Variant):
            request = called(subject.adapter.content_request, IDS[0], done, variant)
            if not isinstance(request, HttpRequest):
                continue
            first = seen.setdefault(fingerprint(request), variant)
            problem = None if first == variant else f"it fetches the {first}; return None for what there is not"
            yield wrong(f"content_request(variant={variant!r})", request, problem)


def leaves(request: HttpRequest) -> list[Any]:
    """Every value of a request's body and query, whatever its name."""
    found: list[Any] = [*request.query.values(), *(part.value for part in request.form)]
    inner: list[object] = [request.json]
    while inner:
        match inner.pop():
            case dict() as item:
                inner.extend(item.values())
            case list() | tuple() as item:
                inner.extend(item)
            case value:
                found.append(value)
    return found + [leaf for text in found if isinstance(text, str) and text.startswith("{") for leaf in _inside(text)]


def _inside(text: str) -> list[Any]:
    """The values of JSON that a form's part holds as a text."""
    document = called(orjson.loads, text)
    return [] if isinstance(document, Raised) else leaves(HttpRequest("POST", "", json=document))


def _texts(request: HttpRequest) -> list[str]:
    return [value for value in leaves(request) if isinstance(value, str)]


def fingerprint(request: HttpRequest) -> tuple[Any, ...]:
    """All that is sent, comparable."""
    named = (_pairs(request.query), _pairs(request.headers))
    return (request.method, request.path, *named, request.form, repr(request.json))


def _pairs(mapping: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(mapping.items()))


def wrong(asked: str, request: HttpRequest, problem: str | None) -> Case:
    """A request with a problem, or nothing to say."""
    return None if problem is None else Violation(asked, request_text(request), problem)
