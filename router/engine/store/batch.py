"""An INSERT of one row, executed for several at a time: each execution is a hand-over of the interpreter's lock."""

import re
import sqlite3
from collections.abc import Callable, Sequence
from functools import cache
from itertools import chain
from operator import itemgetter
from typing import Any, Final

from router.engine.store.rows import Row

_ROWS_MAX: Final = 8
_ROW: Final = re.compile(r"(?<=VALUES)\s*(\([^)]*\))")


def insert(connection: sqlite3.Connection, statement: str, rows: Sequence[Row]) -> None:
    """Insert all of the rows; `statement` inserts one, whose values it names."""
    values_of, texts = _batched(statement)
    for first in range(0, len(rows), _ROWS_MAX):
        some = rows[first : first + _ROWS_MAX]
        connection.execute(texts[len(some)], tuple(chain.from_iterable(map(values_of, some))))


@cache
def _batched(statement: str) -> tuple[Callable[[Row], tuple[Any, ...]], tuple[str, ...]]:
    """Return how a row's values are taken in the statement's order, and its text by the number of rows."""
    head, row, _ = _ROW.split(statement)
    names = re.findall(r":(\w+)", row)
    places = f"({', '.join('?' * len(names))})"
    texts = (f"{head} {', '.join([places] * rows)}" for rows in range(_ROWS_MAX + 1))
    return itemgetter(*names), tuple(texts)
