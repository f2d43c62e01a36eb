"""Kills at any moment of writing: the mirror has a whole video afterwards, or none, and nothing else."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from router.engine.mirror_folder import MirrorFolder
from tests.process import a_served

VIDEO_BYTES = 3 << 20
WRITER = f"""
import itertools, pathlib, sys
from router.engine.mirror_folder import MirrorFolder
folder = MirrorFolder(pathlib.Path(sys.argv[1]))
folder.open()
print("open", flush=True)
for number in itertools.count():
    part = folder.begin(f"video_{{number}}-1")
    for _ in range(48):
        part.write([bytes([number % 256]) * {VIDEO_BYTES // 48}])
    part.keep(f"video_{{number}}-1")
"""


@pytest.mark.parametrize("after_s", [0.0, 0.004, 0.013, 0.03, 0.08])
def test_a_killed_writer_leaves_whole_videos_only(tmp_path: Path, after_s: float) -> None:
    path = tmp_path / "mirror"
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(after_s)
        writer.send_signal(signal.SIGKILL)
    folder = MirrorFolder(path)
    folder.open()
    try:
        found = folder.scan()
    finally:
        folder.close()
    assert {video.content_bytes for video in found} <= {VIDEO_BYTES}
    for video in found:
        body = (path / f"{video.attempt_id}.video").read_bytes()
        assert body == body[:1] * VIDEO_BYTES
    assert sorted(file.name for file in path.iterdir()) == sorted(f"{video.attempt_id}.video" for video in found)


async def test_a_video_outlives_a_kill_its_upstream_and_its_provider(tmp_path: Path) -> None:
    content: dict[str, Any] = {"mode": "mirror", "folder": "mirror", "free_bytes_min": 0}
    async with a_served(tmp_path, "openai", content=content) as router:
        await router.start()
        video = await router.ended((await router.create("a boat"))["id"])
        body = await router.content(video["id"])
        await router.kill()
        (tmp_path / "mirror" / ".video_9-1.0123456789abcdef.part").write_bytes(b"half of it")
        document = json.loads((tmp_path / "router.yaml").read_text())
        document["providers"] = {"another": document["providers"]["openai"] | {"base_url": "http://127.0.0.1:9"}}
        (tmp_path / "router.yaml").write_text(json.dumps(document))
        await router.start()
        assert await router.content(video["id"]) == body
        found = router.said("mirror_found")
        assert found is not None
        assert (found["videos"], found["bytes"]) == (1, len(body))
        async with router.http.delete(f"{router.url}/v1/videos/{video['id']}") as response:
            assert response.status == 200
        assert list((tmp_path / "mirror").iterdir()) == []
