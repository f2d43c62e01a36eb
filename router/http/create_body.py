"""A create's document: its fields and their limits, and the canonical request they spell."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Annotated, Final, TypeAlias

from pydantic import Field, InstanceOf, StrictInt, ValidationError

from providers.canonical import Image, Size, VideoRequest
from router.core.limits import RequestDefaults, ServerSettings
from router.core.policy import JobLimits
from router.core.preferences import NO_PREFERENCES, RoutingPreferences
from router.http.data_urls import DataUrl
from router.http.errors import ApiError, invalid, nobody_sells
from router.http.form import Document, Upload
from router.http.images import image_file, image_of
from router.http.naming import Naming
from router.http.preferences import combined, preferences_of
from router.http.routing_body import EXPECTED as EXPECTED_OF_ROUTING
from router.http.routing_body import Name, Routing, RoutingBody, Strict, overfull

SECONDS_MAX: Final = 3600
METADATA_ENTRIES_MAX: Final = 16

_MetadataKey: TypeAlias = Annotated[str, Field(min_length=1, max_length=64)]
_MetadataValue: TypeAlias = Annotated[str, Field(max_length=512)]


class ImageReference(Strict):
    """OpenAI's reference object; exactly one of its fields is set."""

    image_url: InstanceOf[DataUrl] | str | None = None
    file_id: str | None = None


class CreateBody(Strict):
    """OpenAI's fields of a video create, and the router's `images`, `watermark`, `metadata` and `routing`."""

    prompt: Annotated[str, Field(min_length=1)]
    model: Name | None = None
    seconds: StrictInt | Annotated[str, Field(max_length=8)] | None = None
    size: Annotated[str, Field(max_length=16)] | None = None
    input_reference: InstanceOf[Upload] | InstanceOf[DataUrl] | ImageReference | str | None = None
    images: list[InstanceOf[Upload] | InstanceOf[DataUrl] | str] | None = None
    watermark: bool | None = None
    metadata: dict[_MetadataKey, _MetadataValue] | None = None
    routing: RoutingBody | None = None


@dataclass(frozen=True, slots=True)
class ParsedCreate:
    """A valid create, before anybody was asked whether it can be served."""

    video: VideoRequest
    preferences: RoutingPreferences = field(default_factory=RoutingPreferences)
    metadata: Mapping[str, str] = field(default_factory=dict, repr=False)


_FIELDS: Final[Mapping[type[Strict], tuple[str, ...]]] = {
    model: tuple(model.model_fields) for model in (CreateBody, ImageReference, RoutingBody)
}
_EXPECTED: Final[Mapping[str, str]] = {
    "prompt": "a text that is not empty",
    "model": "the name of a model or of a group of them, see GET /v1/models",
    "seconds": 'a whole number of seconds, as a number or a text such as "8"',
    "size": "a text WIDTHxHEIGHT, such as 720x1280",
    "input_reference": "an https URL or a data URL as a text, a file part,"
    ' or an object with exactly one field: {"image_url": "https://... or data:..."}',
    "images": "a list of https URLs and data URLs, or repeated file parts",
    "watermark": "true or false",
    "metadata": f"an object of at most {METADATA_ENTRIES_MAX} texts of at most 512 characters,"
    " under keys of at most 64 characters",
    **EXPECTED_OF_ROUTING,
}


def parse_create(
    document: Document,
    settings: ServerSettings,
    defaults: RequestDefaults,
    naming: Naming,
    limits: JobLimits,
    in_headers: RoutingBody | None = None,
) -> ParsedCreate:
    """Read a document, and what headers say of its routing, into a canonical request.

    Raises ApiError 400 or 413 that names the field and what it takes.
    """
    _check_entries(document, settings)
    try:
        body = CreateBody.model_validate(document)
    except ValidationError as error:
        raise _explained(error) from None
    if len(body.prompt) > settings.prompt_chars_max:
        message = f"prompt has {len(body.prompt)} characters; at most {settings.prompt_chars_max} are accepted"
        raise invalid(message, "prompt", "string_above_max_length")
    video = VideoRequest(
        prompt=body.prompt,
        model=body.model or defaults.model,
        seconds=defaults.seconds if body.seconds is None else _seconds(body.seconds),
        size=defaults.size if body.size is None else _size(body.size),
        images=_images(body, settings),
        watermark=body.watermark,
    )
    routing = combined(body.routing, in_headers, naming)
    preferences = NO_PREFERENCES if routing is None else preferences_of(routing, naming, limits)
    if preferences.models and video.model not in naming.models:
        # A misspelt model would silently be another one.
        raise nobody_sells(video.model, naming.models)
    return ParsedCreate(video, preferences, body.metadata or {})


def _check_entries(document: Document, settings: ServerSettings) -> None:
    """Count before pydantic looks, which describes each entry that is wrong: of a million, that takes gigabytes."""
    _check_fields(document, "", CreateBody)
    for name, model in (("input_reference", ImageReference), ("routing", RoutingBody)):
        if isinstance(inner := document.get(name), dict):
            _check_fields(inner, f"{name}.", model)
    images, routing = document.get("images"), document.get("routing")
    if isinstance(images, list) and len(images) > settings.images_max:
        raise _too_many_images(len(images), f"images[{len(images) - 1}]", settings)
    metadata = document.get("metadata")
    if isinstance(metadata, list | dict) and len(metadata) > METADATA_ENTRIES_MAX:
        raise invalid(f"metadata must be {_EXPECTED['metadata']}", "metadata")
    if isinstance(routing, dict) and (full := overfull(routing)) is not None:
        raise Routing(RoutingBody()).wrong(full)


def _check_fields(given: Document, prefix: str, model: type[Strict]) -> None:
    fields = _FIELDS[model]
    for field_name in given:
        if field_name not in fields:
            name = prefix + field_name[:64]
            message = f"unknown field {name!r}; the accepted fields are {', '.join(fields)}"
            raise invalid(message, name, "unknown_parameter")


def _seconds(value: int | str) -> int:
    text = str(value)
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= SECONDS_MAX):
        raise invalid(f"seconds must be {_EXPECTED['seconds']}, from 1 to {SECONDS_MAX}", "seconds")
    return int(text)


@lru_cache(maxsize=256)
def _size(text: str) -> Size:
    try:
        return Size.parse(text)
    except ValueError as error:
        raise invalid(str(error), "size") from None


def _images(body: CreateBody, settings: ServerSettings) -> tuple[Image, ...]:
    if body.input_reference is None and not body.images:
        return ()
    given = list(_given_images(body))
    if len(given) > settings.images_max:
        raise _too_many_images(len(given), given[-1][0], settings)
    return tuple(_image(param, value, settings.image_bytes_max) for param, value in given)


def _too_many_images(count: int, param: str, settings: ServerSettings) -> ApiError:
    message = f"{count} input images were sent; at most {settings.images_max} are accepted"
    return invalid(message, param, "too_many_images")


def _image(param: str, value: Upload | DataUrl | str, bytes_max: int) -> Image:
    return image_file(value.data, param, bytes_max) if isinstance(value, Upload) else image_of(value, param, bytes_max)


def _given_images(body: CreateBody) -> Iterator[tuple[str, Upload | DataUrl | str]]:
    match body.input_reference:
        case (Upload() | DataUrl()) as given:
            yield "input_reference", given
        case str(text):
            if not text[:8].lower().startswith(("https://", "data:")):
                message = f"input_reference must be {_EXPECTED['input_reference']}"
                raise invalid(message, "input_reference", "invalid_image_url")
            yield "input_reference", text
        case ImageReference(image_url=(str() | DataUrl()) as url, file_id=None):
            yield "input_reference.image_url", url
        case ImageReference(image_url=None, file_id=str()):
            message = (
                "files are not stored here, so input_reference.file_id names none; send image_url or the file itself"
            )
            raise invalid(message, "input_reference.file_id", "unsupported_parameter")
        case ImageReference():
            raise invalid(f"input_reference must be {_EXPECTED['input_reference']}", "input_reference")
        case None:
            pass
    for index, value in enumerate(body.images or ()):
        yield f"images[{index}]", value


def _explained(error: ValidationError) -> ApiError:
    """Turn the first thing that is wrong into words, without quoting any value."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    location = [str(part) for part in first["loc"]]
    depth = 2 if location[0] == "routing" else 1
    name = ".".join(location[:depth])
    if first["type"] == "missing":
        return invalid(f"{name} is required: {_EXPECTED[name]}", name, "missing_required_parameter")
    return invalid(f"{name} must be {_EXPECTED[name]}", name)
