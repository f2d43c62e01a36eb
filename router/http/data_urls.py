"""Long data URLs in JSON: set aside before it is parsed, for to parse tens of megabytes holds up the whole process."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

SET_ASIDE_BYTES_MIN: Final = 262_144
_OPENING: Final = b'"data:'


@dataclass(frozen=True, slots=True)
class DataUrl:
    """A data URL as it stood in its document, not decoded yet."""

    text: memoryview = field(repr=False)


def parsed_apart(raw: bytes | bytearray, load: Callable[[bytes | bytearray], object]) -> object:
    """Parse by `load`, with each long data URL as a DataUrl where an image may stand; raises what `load` does."""
    mark = secrets.token_hex(16)
    rest, urls = _set_aside(raw, mark)
    if not urls:
        return load(raw)
    document = load(rest)
    named = {f"{mark}{number}": DataUrl(url) for number, url in enumerate(urls)}
    # One that stands anywhere else, or was overwritten by a field of the same name, is the parser's.
    return document if isinstance(document, dict) and _put_back(document, named) == len(urls) else load(raw)


def _set_aside(raw: bytes | bytearray, mark: str) -> tuple[bytes, Sequence[memoryview]]:
    """Put a short text for the inside of each long one that begins with `data:` and has nothing to be unescaped."""
    kept, urls, view = list[memoryview | bytes](), list[memoryview](), memoryview(raw)
    done, start = 0, raw.find(_OPENING)
    while start >= 0 and (end := raw.find(b'"', start + 1)) >= 0:
        is_long = end - start > SET_ASIDE_BYTES_MIN
        if is_long and raw[start - 1 : start] != b"\\" and raw.find(b"\\", start, end) < 0:
            kept += (view[done : start + 1], f"{mark}{len(urls)}".encode())
            urls.append(view[start + 1 : end])
            done = end
        start = raw.find(_OPENING, end)
    return b"".join((*kept, view[done:])) if urls else b"", urls


def _put_back(document: dict[str, Any], named: dict[str, DataUrl]) -> int:
    """Put the URLs where an image may stand, and count them."""
    count = 0
    for place, key in _places(document):
        if isinstance(text := place[key], str) and text in named:
            place[key] = named[text]
            count += 1
    return count


def _places(document: dict[str, Any]) -> list[tuple[Any, str | int]]:
    reference, images = document.get("input_reference"), document.get("images")
    places: list[tuple[Any, str | int]] = [(document, "input_reference")] if isinstance(reference, str) else []
    if isinstance(reference, dict) and "image_url" in reference:
        places.append((reference, "image_url"))
    if isinstance(images, list):
        places += [(images, index) for index in range(len(images))]
    return places
