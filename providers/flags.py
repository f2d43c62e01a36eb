"""Flags by which speakers say that a review keeps the video of a finished job back, wherever they put them."""

from collections.abc import Iterator

from providers.adapter import Json

WITHHELD_IF_FALSE = frozenset({"respect_moderation"})
WITHHELD_IF_UP = frozenset(
    {
        *("moderation", "moderated", "moderation_blocked", "moderation_result", "flagged", "is_flagged", "blocked"),
        *("is_blocked", "nsfw", "is_nsfw", "nsfw_detected", "has_nsfw_concepts", "filtered", "content_filtered"),
        *("raimediafilteredcount", "raimediafilteredreasons"),
        *("rai_media_filtered_count", "rai_media_filtered_reasons"),
    }
)
# Also the names of what a caller may switch on: a bare true says nothing.
OPTIONS = frozenset({"moderation", "nsfw"})
WORDS_OF_A_FLAG_UP = frozenset({"true", "blocked", "flagged", "rejected", "refused", "filtered"})
# What the caller asked for, echoed.
NOT_LOOKED_INTO = frozenset({"input", "inputs", "request", "parameters", "params", "settings", "options", "properties"})
DEPTH_MAX = 6
FIELDS_MAX = 500


def is_withheld(job: Json) -> bool:
    """Whether a job without a link carries a flag that a review keeps its video back."""
    fields = zip(range(FIELDS_MAX), _fields(job, DEPTH_MAX), strict=False)
    return any(_says_withheld(name, value) for _, (name, value) in fields)


def _fields(value: object, depth: int) -> Iterator[tuple[str, object]]:
    if depth == 0:
        return
    if isinstance(value, list):
        for item in value:
            yield from _fields(item, depth - 1)
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield name.lower(), inner
            if name.lower() not in NOT_LOOKED_INTO:
                yield from _fields(inner, depth - 1)


def _says_withheld(name: str, value: object) -> bool:
    if name in OPTIONS and isinstance(value, bool):
        return False
    return (name in WITHHELD_IF_FALSE and value is False) or (name in WITHHELD_IF_UP and _is_up(value))


def _is_up(value: object) -> bool:
    """Whether a flag is up: true, a count above 0, a word that says so, a list of reasons, or of flags with one up."""
    match value:
        case bool():
            return value
        case int() | float():
            return value > 0
        case list():
            return any(item is True or (isinstance(item, str) and item != "") for item in value[:FIELDS_MAX])
        case str():
            return value.strip().lower() in WORDS_OF_A_FLAG_UP
        case _:
            return False
