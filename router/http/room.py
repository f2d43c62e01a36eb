"""What callers may hold at once: content streams, and the memory of bodies. Who comes on top is asked to wait."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Self

from router.core.limits import ServerSettings
from router.http.errors import ApiError, unavailable

# Bodies are in memory from their first byte until their job is durable; so many of the largest fit.
BODIES_HELD_MAX: Final = 8
_RETRY_AFTER_S: Final = 5.0


class StreamRoom:
    """Counts the content streams that are open, in all and of each caller."""

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self._open: Counter[str] = Counter()

    def use(self, settings: ServerSettings) -> None:
        """Count by other limits; what is open stays open."""
        self._settings = settings

    @contextmanager
    def place(self, caller: str) -> Iterator[None]:
        """Have one stream open; raises ApiError 503 when there are too many."""
        if self._open[caller] >= self._settings.streams_per_caller_max:
            raise _too_many("of your downloads", self._settings.streams_per_caller_max)
        if self._open.total() >= self._settings.streams_max:
            raise _too_many("downloads of all callers", self._settings.streams_max)
        self._open[caller] += 1
        try:
            yield
        finally:
            self._open[caller] -= 1


class BodyRoom:
    """Counts the bytes of bodies that are held."""

    def __init__(self, settings: ServerSettings) -> None:
        self._bytes_max = self._free_bytes = BODIES_HELD_MAX * settings.body_bytes_max

    def use(self, settings: ServerSettings) -> None:
        """Have another size; what is held stays held, and a room that is too full takes nothing until it is not."""
        bytes_max = BODIES_HELD_MAX * settings.body_bytes_max
        self._free_bytes += bytes_max - self._bytes_max
        self._bytes_max = bytes_max

    def share(self) -> "BodyShare":
        """Hold one body until its block is left."""
        return BodyShare(self)

    def take(self, size_bytes: int) -> None:
        """Make room for bytes that have arrived; raises ApiError 503 when there is none."""
        if size_bytes > self._free_bytes:
            message = "too many large bodies are being received at once; nothing was bought, try again in a moment"
            raise unavailable(message, "router_unavailable", _RETRY_AFTER_S)
        self._free_bytes -= size_bytes

    def give_back(self, size_bytes: int) -> None:
        """Have room again."""
        self._free_bytes += size_bytes


class BodyShare:
    """What one body holds. It counts what has come, not what was announced, which costs a caller nothing."""

    __slots__ = ("_room", "held_bytes")

    def __init__(self, room: BodyRoom) -> None:
        self._room = room
        self.held_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._room.give_back(self.held_bytes)

    def grow(self, size_bytes: int) -> None:
        """Add a chunk; raises ApiError 503 when there is no room for it."""
        self._room.take(size_bytes)
        self.held_bytes += size_bytes


def _too_many(which: str, streams_max: int) -> ApiError:
    message = f"as many {which} are open as may be ({streams_max}); try again when one is finished"
    return unavailable(message, "too_many_downloads", _RETRY_AFTER_S)
