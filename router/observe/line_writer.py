"""Lines on their way to a stream: those of one turn of the event loop go out together, when it is over."""

import asyncio
from collections.abc import Callable
from io import BufferedWriter, RawIOBase, TextIOWrapper
from typing import TextIO


def whole(stream: TextIO) -> TextIO:
    """Put a buffer before a stream that has none, as where PYTHONUNBUFFERED is set.

    Without one a line is a system call, and the rest of what a pipe or a full disk took only a part of is lost.
    """
    raw = getattr(stream, "buffer", None)
    if not isinstance(stream, TextIOWrapper) or not isinstance(raw, RawIOBase):
        return stream
    return TextIOWrapper(BufferedWriter(raw), stream.encoding, stream.errors, newline="\n")


class LineWriter:
    """Writes in order. A crash can lose the lines of one turn; what must not wait, or has no loop, goes out at once."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._flushed_by: asyncio.AbstractEventLoop | None = None
        self.on_failure: Callable[[], None] | None = None
        """Told of lines that could not go out when their turn was over."""

    def write(self, text: str, *, at_once: bool) -> None:
        """Write a line; raises what the stream does."""
        self._stream.write(text)
        if at_once or not self._goes_out_soon():
            self._stream.flush()

    def _goes_out_soon(self) -> bool:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return False
        if loop is not self._flushed_by:
            self._flushed_by = loop
            loop.call_soon(self._flush)
        return True

    def _flush(self) -> None:
        self._flushed_by = None
        try:
            self._stream.flush()
        except Exception:
            if self.on_failure is None:
                raise
            self.on_failure()
