"""Random bytes of the system, many at a time: each fetch lets another thread take the interpreter in between."""

import os
from typing import Final

_FETCHED_BYTES: Final = 4096


class Entropy:
    """Gives out each byte of os.urandom once. One process, one thread."""

    def __init__(self) -> None:
        self._held = b""
        self._given = 0

    def take(self, count: int) -> bytes:
        """Return the next `count` bytes, at most a fetch of them."""
        if self._given + count > len(self._held):
            self._held, self._given = os.urandom(_FETCHED_BYTES), 0
        start, self._given = self._given, self._given + count
        return self._held[start : self._given]
