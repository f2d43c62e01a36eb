"""One log line: a JSON object on a line of its own, whatever is in it."""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import IntEnum
from functools import lru_cache
from typing import Final, TypeAlias

import orjson

Value: TypeAlias = str | int | float | bool | None
Fields: TypeAlias = Mapping[str, Value]

# JSON lets these through, yet editors and terminals break lines at them, obey them, or turn text around.
_ESCAPED: Final = {
    code: f"\\u{code:04x}"
    for code in (*range(0x7F, 0xA0), 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A))
}


class Level(IntEnum):
    """Who should look: nobody (info), whoever is on duty, at leisure (warning), somebody now (error)."""

    DEBUG = logging.DEBUG
    INFO = logging.INFO
    WARNING = logging.WARNING
    ERROR = logging.ERROR


_NAMES: Final = {level: level.name.lower() for level in Level}


def line(at: float, level: Level, event: str, fields: Fields) -> str:
    """Write one log line; fields that are None are left out. `at` is wall seconds."""
    record: dict[str, Value] = {"time": utc(at), "level": _NAMES[level], "event": event}
    record |= {name: value for name, value in fields.items() if value is not None}
    try:
        text = orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE).decode()
    except TypeError:
        harmless = {name: _writable(value) for name, value in record.items()}
        text = orjson.dumps(harmless, option=orjson.OPT_APPEND_NEWLINE).decode()
    return text if text.isascii() and "\x7f" not in text else text.translate(_ESCAPED)


def utc(at: float) -> str:
    """Write wall seconds as a moment in UTC, to the millisecond."""
    second, microsecond = divmod(round(at * 1_000_000), 1_000_000)
    return f"{_second(second)}.{microsecond // 1_000:03d}Z"


@lru_cache(maxsize=4)
def _second(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _writable(value: Value) -> Value:
    """Make what JSON cannot hold harmless: halves of characters, and integers of more than 64 bits."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    return value if value is None or isinstance(value, float) or abs(value) < 2**63 else str(value)
