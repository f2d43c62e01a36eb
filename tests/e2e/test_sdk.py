"""The official SDK, unmodified, only its base URL changed."""

import io
import json
import subprocess
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.rig import DIALECTS, a_rig, assert_books_agree

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360000002000001e221bc330000"
    "000049454e44ae426082"
)


def probed(path: Path, ffprobe: str) -> dict[str, Any]:
    """Ask ffprobe what a file is."""
    command = [ffprobe, "-v", "error", "-show_entries", "stream=width,height,codec_type:format=duration", "-of", "json"]
    document: dict[str, Any] = json.loads(subprocess.run([*command, str(path)], capture_output=True, check=True).stdout)
    return document


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_video_is_made_through_each_dialect_alone(dialect: str, tmp_path: Path, ffprobe: str) -> None:
    async with a_rig(tmp_path, dialect) as rig:
        video = await rig.made(size="1280x720")
        assert (video.status, video.progress, video.seconds, video.size) == ("completed", 100, "10", "1280x720")
        target = tmp_path / "video.mp4"
        (await rig.client.videos.download_content(video.id)).write_to_file(target)
        seen = probed(target, ffprobe)
        stream = next(each for each in seen["streams"] if each["codec_type"] == "video")
        assert (stream["width"], stream["height"]) == (1280, 720)
        assert abs(float(seen["format"]["duration"]) - 10) < 0.2
        assert_books_agree(rig)


async def test_create_and_poll_waits_for_the_end(tmp_path: Path) -> None:
    async with a_rig(tmp_path, "jizhiai") as rig:
        video = await rig.client.videos.create_and_poll(
            prompt="a lighthouse at dusk", model="sora-2", seconds="10", size="720x1280"
        )
        assert video.status == "completed"


async def test_an_image_file_reaches_the_upstream(tmp_path: Path) -> None:
    for dialect in DIALECTS:
        folder = tmp_path / dialect
        folder.mkdir()
        async with a_rig(folder, dialect) as rig:
            video = await rig.made(input_reference=("still.png", io.BytesIO(PNG), "image/png"))
            assert video.status == "completed"
            assert [entry.images for entry in rig.sandboxes[dialect].books().accepted] == [1]


async def test_jobs_are_listed_page_by_page_and_deleted(tmp_path: Path) -> None:
    async with a_rig(tmp_path, "shenma") as rig:
        made = [(await rig.made(prompt=f"scene {number}")).id for number in range(5)]
        listed = [video.id async for video in await rig.client.videos.list(limit=2, order="asc")]
        assert listed == made
        assert (await rig.client.videos.delete(made[0])).deleted
        with pytest.raises(openai.NotFoundError):
            await rig.client.videos.retrieve(made[0])
        assert made[0] not in [video.id async for video in await rig.client.videos.list()]


async def test_errors_come_out_as_the_sdk_types_them(tmp_path: Path) -> None:
    key_sha256 = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"  # of "secret"
    async with a_rig(tmp_path, callers=[{"name": "backend", "key_sha256": key_sha256}]) as rig:
        with pytest.raises(openai.AuthenticationError):
            await rig.client.videos.retrieve("video_unknown")
        known = rig.client.with_options(api_key="secret")
        with pytest.raises(openai.NotFoundError):
            await known.videos.retrieve("video_unknown")
        with pytest.raises(openai.BadRequestError) as bad:
            await known.videos.create(prompt="x", model="sora-2", seconds="10", size="1x1")  # type: ignore[arg-type]
        for dialect in DIALECTS:
            assert f"{dialect}/sora-2" in str(bad.value)
