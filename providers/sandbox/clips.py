"""The committed videos and pictures that stand for generated ones."""

from functools import cache
from pathlib import Path

from providers.canonical import Size

FOLDER = Path(__file__).parent / "clips"
SECONDS = (4, 8, 10, 12, 15, 25)
STANDARD_SIZES = (Size(720, 1280), Size(1280, 720))
HD_SIZES = (Size(1024, 1792), Size(1792, 1024))


def is_hd(size: Size) -> bool:
    """Whether this is the dearer, slower size tier."""
    return size in HD_SIZES


def video_path(size: Size, seconds: int) -> Path:
    """Where the MP4 of this size and length lies."""
    return FOLDER / f"{size}_{seconds}s.mp4"


@cache
def video(size: Size, seconds: int) -> bytes:
    """An MP4 (H.264, fast start) of this size and length; raise FileNotFoundError when none was made."""
    return video_path(size, seconds).read_bytes()


@cache
def thumbnail(size: Size) -> bytes:
    """A WebP picture in the video's aspect ratio."""
    return (FOLDER / f"{size}.webp").read_bytes()


@cache
def spritesheet(size: Size) -> bytes:
    """A JPEG of nine small frames."""
    return (FOLDER / f"{size}.jpg").read_bytes()
