"""The committed clips are what their names say."""

import asyncio
import json

import pytest

from providers.canonical import Size
from providers.sandbox import clips

ALL = [(size, seconds) for size in (*clips.STANDARD_SIZES, *clips.HD_SIZES) for seconds in clips.SECONDS]


@pytest.mark.parametrize(("size", "seconds"), ALL, ids=str)
async def test_a_clip_has_the_size_and_length_of_its_name(ffprobe: str, size: Size, seconds: int):
    shown = ("-show_streams", "-show_format", "-of", "json")
    probe = await asyncio.create_subprocess_exec(
        ffprobe, "-v", "error", *shown, clips.video_path(size, seconds), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await probe.communicate()
    told = json.loads(output)
    (stream,) = told["streams"]
    assert (stream["codec_name"], stream["pix_fmt"]) == ("h264", "yuv420p")
    assert (stream["width"], stream["height"]) == (size.width, size.height)
    assert abs(float(told["format"]["duration"]) - seconds) <= 0.1


@pytest.mark.parametrize(("size", "seconds"), ALL, ids=str)
def test_a_clip_starts_playing_before_it_has_all_arrived(size: Size, seconds: int):
    body = clips.video(size, seconds)
    assert body[4:8] == b"ftyp"
    assert body.index(b"moov") < body.index(b"mdat")


def test_pictures_are_of_the_kinds_they_are_served_as():
    for size in (*clips.STANDARD_SIZES, *clips.HD_SIZES):
        assert clips.thumbnail(size)[8:12] == b"WEBP"
        assert clips.spritesheet(size).startswith(b"\xff\xd8\xff")


def test_all_clips_together_are_small_enough_to_be_committed():
    assert sum(path.stat().st_size for path in clips.FOLDER.iterdir()) < 3_000_000
