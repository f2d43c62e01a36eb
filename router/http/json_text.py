"""JSON from strangers: refused before it is built when it holds more values than any create has."""

from typing import Final

import orjson

from router.core.limits import ServerSettings
from router.http.errors import invalid

# Every value but the first stands behind one of these, so their number bounds what is built. Where they stand inside
# a text they count too: metadata and the links of 16 images may hold so many, and the prompt all of its length.
_MARKS: Final = (b",", b"[", b"{")
_MARKS_MAX: Final = 50_000


def load_json(raw: bytes | bytearray, settings: ServerSettings) -> object:
    """Parse; raises ApiError 400 for a text of too many values, and orjson.JSONDecodeError for a broken one."""
    marks_max = settings.prompt_chars_max + _MARKS_MAX
    if len(raw) > marks_max and sum(map(raw.count, _MARKS)) > marks_max:
        message = f"the JSON has more than {marks_max} commas and opening brackets; no video needs that many values"
        raise invalid(message, code="invalid_json")
    return orjson.loads(raw)
