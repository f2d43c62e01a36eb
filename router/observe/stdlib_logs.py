"""The standard library's logging as the same JSON lines, so that aiohttp's and our own words read alike."""

import logging
import traceback
from typing import Final, TextIO

from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web import RequestPayloadError

from router.observe.lines import Level, line
from router.observe.scrubbing import scrubbed

_FRAMES_MAX: Final = 20
# Its errors arise while it reads what callers send, and quote the header line or the chunk that they arose at.
_SERVER: Final = "aiohttp.server"
_UNREADABLE: Final = (HttpProcessingError, RequestPayloadError)


class JsonFormatter(logging.Formatter):
    """Writes a record as one JSON line: message and exception are scrubbed, a traceback is its places only."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        fields: dict[str, str | None] = {"logger": record.name, "message": scrubbed(_message(record))}
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            fields["error"] = type(error).__name__
            if record.name != _SERVER:
                fields["error_message"] = scrubbed(str(error))
            frames = traceback.extract_tb(error.__traceback__)[-_FRAMES_MAX:]
            fields["error_at"] = " > ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames)
        return line(record.created, _level(record.levelno), "log", fields).rstrip("\n")


def configure(stream: TextIO, level: Level = Level.INFO) -> None:
    """Send everything that goes through `logging` to `stream`, in place of whatever was configured before."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    handler.addFilter(_calmed)
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    # It tells of every plugin that it loads.
    logging.getLogger("alembic").setLevel(max(level, Level.WARNING))
    logging.captureWarnings(capture=True)


def _calmed(record: logging.LogRecord) -> bool:
    """An unreadable request is its sender's mistake: anybody may send one, and no operator has to act."""
    if record.name != _SERVER or record.exc_info is None or not isinstance(record.exc_info[1], _UNREADABLE):
        return True
    record.levelno, record.levelname = logging.INFO, logging.getLevelName(logging.INFO)
    return logging.getLogger(record.name).isEnabledFor(logging.INFO)


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError):
        # The arguments do not fit the format; the format alone still says where it came from.
        return str(record.msg)


def _level(number: int) -> Level:
    return max((level for level in Level if level <= number), default=Level.DEBUG)
