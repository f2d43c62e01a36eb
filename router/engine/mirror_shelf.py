"""What the mirror holds, by how long it has been there, and what has to go for something new. Knows no disk."""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from router.engine.mirror_folder import KeptVideo


@dataclass(frozen=True, slots=True)
class Room:
    """Whether there is room for more, and the oldest videos that have to go for it."""

    fits: bool
    evicted: tuple[str, ...] = ()


class MirrorShelf:
    """Counts kept videos and those being written: both together never exceed `bytes_max`."""

    def __init__(self, bytes_max: int) -> None:
        self.bytes_max = bytes_max
        self.held_bytes = 0
        self._reserved_bytes = 0
        self._videos: OrderedDict[str, KeptVideo] = OrderedDict()

    def __len__(self) -> int:
        return len(self._videos)

    def __contains__(self, attempt_id: object) -> bool:
        return attempt_id in self._videos

    def put(self, videos: Iterable[KeptVideo]) -> None:
        """Add videos that are whole, the oldest first."""
        for video in videos:
            self.drop(video.attempt_id)
            self._videos[video.attempt_id] = video
            self.held_bytes += video.content_bytes

    def drop(self, attempt_id: str) -> bool:
        """Take a video out; False when there is none."""
        video = self._videos.pop(attempt_id, None)
        self.held_bytes -= video.content_bytes if video is not None else 0
        return video is not None

    def reserve(self, more_bytes: int) -> Room:
        """Make room for bytes about to be written, at the cost of the oldest videos."""
        left_bytes = self.bytes_max - self._reserved_bytes - more_bytes
        if left_bytes < 0:
            return Room(fits=False)
        self._reserved_bytes += more_bytes
        return Room(fits=True, evicted=self._down_to(left_bytes))

    def release(self, reserved_bytes: int) -> None:
        """Give back what was reserved, because it was written, or never will be."""
        self._reserved_bytes -= reserved_bytes

    def surplus(self, kept_since: float) -> tuple[str, ...]:
        """Take out what is older than that, or more than may be held."""
        old: list[str] = []
        for attempt_id, video in self._videos.items():
            if video.kept_at >= kept_since:
                break
            old.append(attempt_id)
        for attempt_id in old:
            self.drop(attempt_id)
        return (*old, *self._down_to(self.bytes_max - self._reserved_bytes))

    def _down_to(self, held_bytes: int) -> tuple[str, ...]:
        evicted: list[str] = []
        while self._videos and self.held_bytes > held_bytes:
            attempt_id, video = self._videos.popitem(last=False)
            self.held_bytes -= video.content_bytes
            evicted.append(attempt_id)
        return tuple(evicted)
