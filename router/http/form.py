"""Multipart bodies as the document their JSON twin would be: `images[]`, `routing[only][]`, `metadata[key]`, files."""

import re
import warnings
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import orjson
from aiohttp import (
    BadContentDispositionHeader,
    BadContentDispositionParam,
    BodyPartReader,
    MultipartReader,
    hdrs,
    web,
)
from aiohttp.http_exceptions import HttpProcessingError

from router.core.limits import ServerSettings
from router.http.errors import ApiError, invalid, too_large

Document: TypeAlias = dict[str, Any]

PARTS_MAX: Final = 24
# aiohttp only warns of these, and would print a caller's header for each.
_BAD_HEADERS: Final = (BadContentDispositionHeader, BadContentDispositionParam)
for _category in _BAD_HEADERS:
    warnings.filterwarnings("error", category=_category)
_CHUNK_BYTES: Final = 65_536
_DEPTH_MAX: Final = 3
_NAME: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]{0,63})((?:\[[^\[\]]{0,64}\])*)")
_IMAGE_FIELDS: Final = frozenset({"images", "input_reference"})
_OBJECT_FIELDS: Final = frozenset({"input_reference", "metadata", "routing"})


@dataclass(frozen=True, slots=True)
class Upload:
    """The bytes of a file part, of a kind not known yet."""

    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Field:
    """What a part's headers say: the path its name spells, and whether it is a file."""

    path: tuple[str, ...]
    is_file: bool

    @property
    def name(self) -> str:
        return self.path[0]

    def bytes_max(self, settings: ServerSettings) -> int:
        if self.is_file:
            return settings.image_bytes_max
        if self.name in _IMAGE_FIELDS:
            return settings.image_bytes_max * 4 // 3 + 4096
        return max(4 * settings.prompt_chars_max, 65_536)


async def read_form(request: web.Request, settings: ServerSettings) -> Document:
    """Read the parts one by one, each within its own limit; raises ApiError 400 or 413."""
    document: Document = {}
    try:
        reader = await request.multipart()
        for _ in range(PARTS_MAX):
            part = await reader.next()
            if part is None:
                return document
            await _read_part(part, document, request, settings)
        if await reader.next() is None:
            return document
    except (ValueError, RuntimeError, AssertionError, HttpProcessingError, *_BAD_HEADERS):
        raise invalid("the multipart body is broken; check its boundaries and its parts' headers") from None
    raise invalid(f"the multipart body has more than {PARTS_MAX} parts", code="too_many_parts")


async def _read_part(
    part: MultipartReader | BodyPartReader, document: Document, request: web.Request, settings: ServerSettings
) -> None:
    if not isinstance(part, BodyPartReader):
        raise invalid("every part of the multipart body must be a form-data field, not a multipart of its own")
    expected = _field(part)
    bytes_max = expected.bytes_max(settings)
    data = bytearray()
    while chunk := await part.read_chunk(_CHUNK_BYTES):
        data += chunk
        if len(data) > bytes_max:
            raise too_large(f"the part {expected.name!r}", bytes_max)
        if request.content.total_bytes > settings.body_bytes_max:
            raise too_large("the body", settings.body_bytes_max)
    _put(document, expected.path, Upload(bytes(data)) if expected.is_file else _text(data, expected.path))


def _field(part: BodyPartReader) -> _Field:
    expected = _Field(_path(part.name or ""), part.filename is not None)
    encoding = part.headers.get(hdrs.CONTENT_TRANSFER_ENCODING, "binary").lower()
    if hdrs.CONTENT_ENCODING in part.headers or encoding not in ("binary", "8bit", "7bit"):
        raise invalid("parts must be sent as they are, without a content encoding", expected.name)
    if expected.is_file and expected.name not in _IMAGE_FIELDS:
        raise invalid(f"{expected.name} takes no file; files go into input_reference or images", expected.name)
    return expected


def _path(name: str) -> tuple[str, ...]:
    match = _NAME.fullmatch(name)
    path = () if match is None else (match[1], *re.findall(r"\[([^\]]*)\]", match[2]))
    if not 1 <= len(path) <= _DEPTH_MAX or "" in path[:-1]:
        raise invalid(f"{name[:64]!r} is no field name; parts are named like prompt, images[] or routing[only][]")
    return path


def _text(data: bytearray, path: tuple[str, ...]) -> object:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise invalid(f"{path[0]} is not UTF-8 text; a file part needs a file name", path[0]) from None
    if len(path) > 1 or path[0] not in _OBJECT_FIELDS or not text.lstrip().startswith("{"):
        return text
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise invalid(f"{path[0]} is not valid JSON: {error.msg} at character {error.pos}", path[0]) from None


def _put(document: Document, path: tuple[str, ...], value: object) -> None:
    repeats = path[-1] == "" or path == ("images",)
    *parents, leaf = path[:-1] if path[-1] == "" else path
    node: Any = document
    for name in parents:
        node = node.setdefault(name, {})
        if not isinstance(node, dict):
            raise _twice(path)
    if repeats:
        values = node.setdefault(leaf, [])
        if not isinstance(values, list):
            raise _twice(path)
        values.append(value)
    elif leaf in node:
        raise _twice(path)
    else:
        node[leaf] = value


def _twice(path: tuple[str, ...]) -> ApiError:
    return invalid(f"{path[0]} was sent more than once; send it in one way, once", path[0])
