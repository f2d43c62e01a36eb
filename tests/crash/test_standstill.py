"""Processes that stand still past everybody's timeouts, and go on: all ends, nothing is bought twice."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from signal import SIGCONT, SIGSTOP
from typing import Any

from router.core.job import AttemptState
from tests.crash.reconciliation import unfinished
from tests.crash.scene import Scene, a_scene
from tests.process import UNHURRIED

IMPATIENT: Mapping[str, Any] = {
    **UNHURRIED,
    "timeouts": {"connect_s": 1, "submit_s": 1, "poll_s": 1, "download_idle_s": 1},
}
STILL_S = 2.0
JOBS = 4


@asynccontextmanager
async def stopped(pid: int) -> AsyncIterator[None]:
    """Keep a process from running."""
    os.kill(pid, SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, SIGCONT)


async def created(scene: Scene, what: str) -> list[str]:
    videos = await asyncio.gather(*(scene.served.create(f"{what} {number}") for number in range(JOBS)))
    return [video["id"] for video in videos]


async def test_a_router_that_stood_still_goes_on_with_what_it_had_under_way(tmp_path: Path) -> None:
    async with a_scene(tmp_path, providers=IMPATIENT, time_scale=60.0) as scene:
        served = scene.served
        await served.start()
        running = await created(scene, "running")
        await scene.until(lambda rows: sum(row.accepted_at is not None for row in rows) >= JOBS)
        # Answered while nobody reads it, and after whoever waits for it should have given up.
        await scene.weather({"fault": "late_answer", "delay_s": 0.7})
        submitting = await created(scene, "submitting")
        await scene.accepted(2 * JOBS)
        async with stopped(served.pid):
            asking = asyncio.create_task(served.create("asked meanwhile"))
            await asyncio.sleep(STILL_S)
        asked_meanwhile = (await asking)["id"]
        for video_id in (*running, *submitting, asked_meanwhile):
            await served.ended(video_id)
        ledger = await scene.reconciled()
        assert unfinished(ledger) == []
        assert {ledger.jobs[video_id].state for video_id in running} == {"completed"}
        assert len(ledger.jobs) == 2 * JOBS + 1


async def test_an_upstream_that_stood_still_is_not_asked_to_make_a_video_again(tmp_path: Path) -> None:
    async with a_scene(tmp_path, "jizhiai", providers=IMPATIENT, time_scale=40.0) as scene:
        served, upstream = scene.served, scene.upstreams["jizhiai"]
        await served.start()
        running = await created(scene, "running")
        await scene.until(lambda rows: sum(row.accepted_at is not None for row in rows) >= JOBS)
        async with stopped(upstream.process.pid):
            submitting = await created(scene, "submitting")
            for video_id in submitting:
                video = await served.ended(video_id)
                assert (video["status"], video["error"]["code"]) == ("failed", "submit_unknown")
                shown = [(await served.video(video_id))["status"] for video_id in running]
            assert shown == ["in_progress"] * JOBS
        for video_id in running:
            assert (await served.ended(video_id))["status"] == "completed"
        # What it found waiting for it when it went on, it takes and bills, for nobody.
        await scene.accepted(2 * JOBS)
        ledger = await scene.reconciled()
        assert unfinished(ledger) == []
        held = [row for row in ledger.rows if row.state is AttemptState.UNKNOWN]
        assert {row.job_id for row in held} == set(submitting)
