"""What OpenTelemetry says of its exporters, calmed: once a minute each, nobody to be woken, and nothing quoted."""

import logging
from enum import Enum
from typing import Final

EXPORTERS: Final = "opentelemetry"
_AGAIN_AFTER_S: Final = 60.0
_SAID_MAX: Final = 256
_KINDS: Final = frozenset({"span", "spans", "traces"})
_LEFT_OUT: Final = "..."


class ExporterCalm:
    """Passes each kind of message once a minute: a collector that is down says the same with every batch."""

    def __init__(self) -> None:
        self._said_at: dict[str, float] = {}

    def __call__(self, record: logging.LogRecord) -> bool:
        """Whether the record is to be written; one that is has lost its words, for they may quote keys and links."""
        if record.name.partition(".")[0] != EXPORTERS:
            return True
        kind = f"{record.name} {record.msg}"
        said_at = self._said_at.get(kind)
        if said_at is not None and 0 <= record.created - said_at < _AGAIN_AFTER_S:
            return False
        if len(self._said_at) < _SAID_MAX:
            self._said_at[kind] = record.created
        _calm(record)
        return True


def _calm(record: logging.LogRecord) -> None:
    if record.levelno > logging.WARNING:
        record.levelno, record.levelname = logging.WARNING, logging.getLevelName(logging.WARNING)
    error = record.exc_info[1] if record.exc_info else None
    told = tuple(_harmless(each) for each in record.args) if isinstance(record.args, tuple) else record.args
    record.msg, record.args = _worded(str(record.msg), told), ()
    if error is not None:
        record.msg = f"{record.msg} ({type(error).__name__})"
    record.exc_info, record.exc_text = None, None


def _worded(text: str, args: object) -> str:
    try:
        return text % args if args else text
    except (TypeError, ValueError):
        return text


def _harmless(value: object) -> object:
    match value:
        case None | bool() | int() | float():
            return value
        case Enum():
            return value.name
        case BaseException():
            return type(value).__name__
        case str() if value.lower() in _KINDS:
            return value
        case _:
            return _LEFT_OUT
