"""Form fields as the document their JSON twin would be: `images[]`, `routing[only][]`, `metadata[key]`, files."""

import re
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import orjson

from router.core.limits import ServerSettings
from router.http.errors import ApiError, invalid, too_large
from router.http.json_text import load_json
from router.http.multipart import MultipartError, Part, split_parts

Document: TypeAlias = dict[str, Any]

_DEPTH_MAX: Final = 3
_NAME: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]{0,63})((?:\[[^\[\]]{0,64}\])*)")
_STEP: Final = re.compile(r"\[([^\]]*)\]")
_IMAGE_FIELDS: Final = frozenset({"images", "input_reference"})
_OBJECT_FIELDS: Final = frozenset({"input_reference", "metadata", "routing"})


@dataclass(frozen=True, slots=True)
class Upload:
    """The bytes of a file part, of a kind not known yet."""

    data: bytes = field(repr=False)


def form_document(body: bytes | bytearray, content_type: str, settings: ServerSettings) -> Document:
    """Read a multipart body, each part within its own limit; raises ApiError 400 or 413."""
    document: Document = {}
    try:
        for part in split_parts(body, content_type):
            path = _path(part.name)
            _put(document, path, _value(part, path, settings))
    except MultipartError as error:
        raise invalid(f"the multipart body cannot be read: {error}", code="invalid_multipart") from None
    return document


def _value(part: Part, path: tuple[str, ...], settings: ServerSettings) -> object:
    name = path[0]
    if part.is_file and name not in _IMAGE_FIELDS:
        raise invalid(f"{name} takes no file; files go into input_reference or images", name)
    bytes_max = _bytes_max(part, name, settings)
    if len(part.data) > bytes_max:
        raise too_large(f"the part {name!r}", bytes_max)
    return Upload(part.data) if part.is_file else _text(part.data, path, settings)


def _bytes_max(part: Part, name: str, settings: ServerSettings) -> int:
    if part.is_file:
        return settings.image_bytes_max
    if name in _IMAGE_FIELDS:
        return settings.image_bytes_max * 4 // 3 + 4096
    return max(4 * settings.prompt_chars_max, 65_536)


def _path(name: str) -> tuple[str, ...]:
    match = _NAME.fullmatch(name)
    path = () if match is None else (match[1], *_STEP.findall(match[2]))
    if not 1 <= len(path) <= _DEPTH_MAX or "" in path[:-1]:
        raise invalid(f"{name[:64]!r} is no field name; parts are named like prompt, images[] or routing[only][]")
    return path


def _text(data: bytes, path: tuple[str, ...], settings: ServerSettings) -> object:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise invalid(f"{path[0]} is not UTF-8 text; a file part needs a file name", path[0]) from None
    if len(path) > 1 or path[0] not in _OBJECT_FIELDS or not text.lstrip().startswith("{"):
        return text
    try:
        return load_json(data, settings)
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
