"""Places in a JSON document: a table of them is tried from its beginning, and the first that holds something wins."""

from collections.abc import Callable
from typing import TypeAlias, TypeVar

from providers.adapter import Json

T = TypeVar("T")
Paths: TypeAlias = tuple[tuple[str, ...], ...]


def paths(text: str) -> Paths:
    """Read a table of places: dotted, apart by white space, in the order to try; a number is a list's index."""
    return tuple(tuple(path.split(".")) for path in text.split())


def value_at(document: object, path: tuple[str, ...]) -> object:
    """Follow one path through objects and lists; None when it leads nowhere."""
    for step in path:
        if isinstance(document, dict):
            document = document.get(step)
        elif isinstance(document, list) and step.isdecimal() and int(step) < len(document):
            document = document[int(step)]
        else:
            return None
    return document


def first(document: Json, table: Paths, read: Callable[[object], T | None]) -> T | None:
    """Return the first value of `table` that `read` can make sense of."""
    for path in table:
        # Most of a table's places are in no answer at all.
        if path[0] in document:
            value = document[path[0]] if len(path) == 1 else value_at(document, path)
            if value is not None and (found := read(value)) is not None:
                return found
    return None
