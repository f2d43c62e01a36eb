"""A full disk: no job is taken that cannot be kept, those that are there are polled on, and all settles afterwards."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from socket import socket
from typing import Any

import pytest
from aiohttp import ClientError, ClientResponse

from router.core.job import AttemptState
from tests.crash.disk import FILE, Disk, LimitedFiles, a_small_disk
from tests.crash.reconciliation import read_ledger, unfinished
from tests.crash.scene import Scene, a_scene
from tests.process import LISTENS_WITHIN_S

BODY = {"prompt": "one too many", "model": "sora-2", "seconds": "10", "size": "720x1280"}
JOBS = 3


@asynccontextmanager
async def a_full_scene(folder: Path, kind: str) -> AsyncIterator[tuple[Scene, Disk]]:
    """A router with its file on a disk that can be filled."""
    small = folder / "small"
    small.mkdir()
    async with a_scene(folder, "jizhiai", time_scale=60.0) as scene:
        served = scene.served
        served.program = (*served.program[:1], "-m", "router")
        with a_small_disk(small) as disk:
            if disk is None or kind == "limit":
                yield scene, LimitedFiles(served)
                return
            served.program, served.kept_at = disk.program(), small / FILE
            try:
                yield scene, disk
            finally:
                await served.kill()


async def asked(scene: Scene, **headers: str) -> tuple[ClientResponse, dict[str, Any]]:
    async with scene.served.http.post(f"{scene.served.url}/v1/videos", json=BODY, headers=headers) as response:
        return response, await response.json()


async def is_ready(scene: Scene) -> tuple[int, str]:
    async with scene.served.http.get(f"{scene.served.admin_url}/readyz") as response:
        return response.status, (await response.json())["store"]


async def running(disk: Disk) -> int:
    """How many attempts are known to have been accepted."""
    ledger = await asyncio.to_thread(lambda: read_ledger(disk.database()))
    return len(ledger.remote_ids)


@pytest.mark.parametrize("kind", ["tmpfs", "limit"])
async def test_a_full_disk_refuses_new_jobs_polls_the_old_ones_and_all_settles_when_there_is_room(
    kind: str, tmp_path: Path
) -> None:
    async with a_full_scene(tmp_path, kind) as (scene, disk):
        # Nobody learns that a video is done until polls are answered again.
        await scene.weather({"fault": "poll_500"})
        served = scene.served
        await served.start()
        videos = [(await served.create(f"scene {number}"))["id"] for number in range(JOBS)]
        while (await running(disk)) < JOBS:
            await asyncio.sleep(0.05)
        disk.fill()
        assert await is_ready(scene) == (503, "unavailable")
        response, answer = await asked(scene, **{"Idempotency-Key": "once"})
        assert response.status == 503
        assert int(response.headers["Retry-After"]) > 0
        assert answer["error"]["type"] == "server_error"
        await scene.weather()
        # They are found done and are fetched, and nothing of it can be written.
        while not all(entry.fetches for kept in (await scene.books()).values() for entry in kept.accepted):
            await asyncio.sleep(0.05)
        assert {(await served.video(each))["status"] for each in videos} == {"in_progress"}
        disk.free()
        for each in videos:
            assert (await served.ended(each))["status"] == "completed"
        assert await is_ready(scene) == (200, "ok")
        response, answer = await asked(scene, **{"Idempotency-Key": "once"})
        assert response.status == 200
        assert (await served.ended(answer["id"]))["status"] == "completed"
        ledger = await scene.reconciled(disk.database())
        assert [row.cost_kind for row in ledger.rows] == ["delivered"] * (JOBS + 1)
        assert unfinished(ledger) == []


async def test_a_submit_answered_on_a_full_disk_is_recorded_when_there_is_room(tmp_path: Path) -> None:
    async with a_full_scene(tmp_path, "tmpfs") as (scene, disk):
        await scene.weather({"fault": "late_answer", "delay_s": 0.5})
        served = scene.served
        await served.start()
        videos = [(await served.create(f"scene {number}"))["id"] for number in range(JOBS)]
        await scene.accepted(JOBS)
        disk.fill()
        await asyncio.sleep(1.0)
        ledger = await scene.reconciled(disk.database())
        assert {row.state for row in ledger.rows} == {AttemptState.SUBMITTING}
        disk.free()
        for each in videos:
            assert (await served.ended(each))["status"] == "completed"
        ledger = await scene.reconciled(disk.database())
        assert [row.cost_kind for row in ledger.rows] == ["delivered"] * JOBS


async def test_a_kill_on_a_full_disk_loses_nothing_that_was_promised(tmp_path: Path) -> None:
    async with a_full_scene(tmp_path, "tmpfs") as (scene, disk):
        served = scene.served
        await served.start()
        videos = [(await served.create(f"scene {number}"))["id"] for number in range(JOBS)]
        await scene.accepted(JOBS)
        disk.fill()
        await scene.all_ended_upstream()
        await served.kill()
        await scene.reconciled(disk.database())
        disk.free()
        await served.start()
        for each in videos:
            await served.ended(each)
        ledger = await scene.reconciled(disk.database())
        assert unfinished(ledger) == []
        # What was known of a submit's answer when the disk filled up decides how its job ends.
        assert {str(row.cost_kind) for row in ledger.rows if row.state is not AttemptState.UNKNOWN} <= {"delivered"}


async def test_a_log_that_cannot_be_written_keeps_no_router_from_working(tmp_path: Path) -> None:
    async with a_scene(tmp_path, "jizhiai") as scene:
        served = scene.served
        with socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        served.url = f"http://127.0.0.1:{port}"
        served.program = ("sh", "-c", 'exec "$0" -m router "$@" >/dev/full', sys.executable)
        served.begin(port)
        async with asyncio.timeout(LISTENS_WITHIN_S):
            while not await answers(scene):
                await asyncio.sleep(0.05)
        video_id = (await served.create("a paper boat"))["id"]
        assert (await served.ended(video_id))["status"] == "completed"
        # 120 is Python's word for an output that could not be written.
        assert await served.stop() in (0, 120)
        assert unfinished(await scene.reconciled()) == []


async def answers(scene: Scene) -> bool:
    try:
        async with scene.served.http.get(f"{scene.served.url}/v1/models") as response:
            return response.status == 200
    except (ClientError, OSError):
        return False
