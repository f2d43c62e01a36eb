"""What an MP4 says of itself: just enough to show that a video is one."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_CONTAINERS: Final = frozenset({b"moov", b"trak"})


@dataclass(frozen=True, slots=True)
class Mp4:
    """Length and size of a video, as its boxes tell them (ISO/IEC 14496-12, `mvhd` and `tkhd`)."""

    seconds: float
    width: int
    height: int


def read_mp4(data: bytes) -> Mp4:
    """Read the first track's size and the movie's length; raise ValueError for anything that is no MP4."""
    if data[4:8] != b"ftyp":
        raise ValueError("this is no MP4: it does not begin with an ftyp box")
    boxes = dict(reversed(list(_boxes(data))))
    try:
        movie, track = boxes[b"mvhd"], boxes[b"tkhd"]
        timescale, duration = struct.unpack_from(">IQ" if movie[0] else ">II", movie, 20 if movie[0] else 12)
        width, height = struct.unpack_from(">II", track, len(track) - 8)
    except (KeyError, IndexError, struct.error) as error:
        raise ValueError(f"this MP4 cannot be read: {error}") from error
    return Mp4(duration / max(1, timescale), width >> 16, height >> 16)


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the type and the body of each box, those of movie and track followed by what is in them."""
    at = 0
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if length < 8 or at + length > len(data):
            return
        body = data[at + 8 : at + length]
        yield kind, body
        if kind in _CONTAINERS:
            yield from _boxes(body)
        at += length
