"""The standard library's logging as the same JSON lines, so that aiohttp's and our own words read alike.

What an error says of itself is not ours: it may quote a prompt, a link or a key. Its type and its places are written,
and its words where the router or the operating system chose them.
"""

import logging
import sys
import threading
import traceback
from typing import Final, TextIO

from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web import RequestPayloadError

from router.observe.exporter_logs import ExporterCalm
from router.observe.lines import Level, Value, line
from router.observe.scrubbing import scrubbed

_LOG: Final = logging.getLogger(__name__)
_FRAMES_MAX: Final = 20
# Its errors arise while it reads what callers send, and quote the header line or the chunk that they arose at.
_SERVER: Final = "aiohttp.server"
_UNREADABLE: Final = (HttpProcessingError, RequestPayloadError)
# The first line of both says what happened; those below show values: a task with its error, a line of source code.
_TALKATIVE: Final = frozenset({"asyncio", "py.warnings"})
_WARNINGS: Final = "py.warnings"
# Where the words of an error come from when they are not of somebody else's making.
_OWN_WORDS: Final = ("router.", "sqlite3")


class JsonFormatter(logging.Formatter):
    """Writes a record as one JSON line: its message is scrubbed, a traceback is its places only."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        fields: dict[str, Value] = {"logger": record.name, "message": scrubbed(_message(record))}
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            fields["error"] = type(error).__name__
            fields["error_message"] = _words(error)
            frames = traceback.extract_tb(error.__traceback__)[-_FRAMES_MAX:]
            fields["error_at"] = " > ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames)
        return line(record.created, _level(record.levelno), "log", fields).rstrip("\n")


def configure(stream: TextIO, level: Level = Level.INFO) -> None:
    """Send everything that goes through `logging` to `stream`, in place of whatever was configured before.

    Also what Python would print by itself: warnings, and errors that nobody caught or that the log itself met.
    """
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    handler.addFilter(_calmed)
    handler.addFilter(ExporterCalm())
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    # It tells of every plugin that it loads.
    logging.getLogger("alembic").setLevel(max(level, Level.WARNING))
    logging.captureWarnings(capture=True)
    logging.raiseExceptions = False
    sys.excepthook = lambda _kind, error, _traceback: _uncaught("the process", error)
    threading.excepthook = lambda args: _uncaught("a thread", args.exc_value)
    sys.unraisablehook = lambda args: _uncaught("a clean-up", args.exc_value)


def _uncaught(where: str, error: BaseException | None) -> None:
    if isinstance(error, KeyboardInterrupt):
        return
    _LOG.error("%s ended with an error that nobody caught", where, exc_info=error)


def _calmed(record: logging.LogRecord) -> bool:
    """An unreadable request is its sender's mistake: anybody may send one, and no operator has to act."""
    if record.name != _SERVER or record.exc_info is None or not isinstance(record.exc_info[1], _UNREADABLE):
        return True
    record.levelno, record.levelname = logging.INFO, logging.getLevelName(logging.INFO)
    return logging.getLogger(record.name).isEnabledFor(logging.INFO)


def _message(record: logging.LogRecord) -> str:
    """Return what a record says, without what its errors say."""
    if isinstance(record.msg, BaseException):
        return type(record.msg).__name__
    args = record.args
    if isinstance(args, tuple):
        args = tuple(type(each).__name__ if isinstance(each, BaseException) else each for each in args)
    try:
        text = str(record.msg) % args if args else str(record.msg)
    except (TypeError, ValueError, KeyError):
        # The arguments do not fit the format; the format alone still says where it came from.
        return str(record.msg)
    if record.name in _TALKATIVE:
        text = text.partition("\n")[0]
    if record.name == _WARNINGS:
        # `file:line: Category: words`
        text = ": ".join(text.split(": ", 2)[:2])
    error = record.exc_info[1] if record.exc_info else None
    return text if error is None else _without(text, str(error))


def _without(text: str, words: str) -> str:
    return text.replace(words, "…").replace(repr(words)[1:-1], "…") if words.strip() else text


def _words(error: BaseException) -> str | None:
    """Return an error's own words if no caller, upstream or adapter can have had a part in them."""
    if isinstance(error, OSError):
        return error.strerror
    return scrubbed(str(error)) if type(error).__module__.startswith(_OWN_WORDS) else None


def _level(number: int) -> Level:
    return max((level for level in Level if level <= number), default=Level.DEBUG)
