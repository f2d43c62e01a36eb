"""SIGTERM: nothing new is taken, submits under way are recorded, the process ends in time, the next one goes on."""

import asyncio
import socket
import time
from pathlib import Path
from signal import SIGTERM

import pytest
from aiohttp import ClientError, ClientPayloadError

from providers.sandbox.broken import SLOW_PARTS
from providers.sandbox.faults import Fault, FaultRule
from providers.sandbox.injection import Drawn
from router.core.job import AttemptState, JobState
from router.engine.store import Store
from tests.builders import a_job, a_video
from tests.process import PATIENT, Served, a_served

STOPPED_WITHIN_S = 10.0


async def turned_away(served: Served) -> bool:
    """Whether a create is answered with 503, or cannot even connect."""
    body = {"prompt": "too late", "model": "sora-2", "seconds": "10", "size": "720x1280"}
    try:
        async with served.http.post(f"{served.url}/v1/videos", json=body) as response:
            return response.status == 503
    except (ClientError, OSError):
        return True


async def test_a_submit_under_way_is_recorded_and_its_job_completes_after_the_next_start(tmp_path: Path) -> None:
    async with a_served(tmp_path, "jizhiai", providers={**PATIENT, "timeouts": {"submit_s": 5}}) as served:
        await served.sandboxes["jizhiai"].set_faults([{"fault": "late_answer", "delay_s": 1}])
        await served.start()
        video_ids = [(await served.create(f"scene {number}"))["id"] for number in range(3)]
        await served.accepted(3)
        served.signal(SIGTERM)
        await asyncio.sleep(0.2)
        assert await turned_away(served)
        assert await served.exited() == 0
        assert [row.state for row in served.rows()] == [AttemptState.RUNNING] * 3
        await served.sandboxes["jizhiai"].clear_faults()
        await served.start()
        for video_id in video_ids:
            assert (await served.ended(video_id))["status"] == "completed"
        assert served.creates() == 3


async def test_neither_an_endless_submit_nor_an_open_download_holds_up_the_stop(tmp_path: Path) -> None:
    endless = {**PATIENT, "timeouts": {"submit_s": 600, "download_idle_s": 30}}
    async with a_served(tmp_path, "jizhiai", providers=endless) as served:
        sandbox = served.sandboxes["jizhiai"]
        await served.start()
        delivered = (await served.create("a finished one"))["id"]
        assert (await served.ended(delivered))["status"] == "completed"
        # From now on its bytes trickle, for longer than anybody waits.
        sandbox.upstream.live_jobs()[0].drawn = Drawn(
            link=FaultRule(fault=Fault.SLOW_DOWNLOAD, delay_s=2.0 * SLOW_PARTS)
        )
        await sandbox.set_faults([{"fault": "late_answer", "delay_s": 600}])
        lost = (await served.create("an endless one"))["id"]
        await served.accepted(2)
        async with served.http.get(f"{served.url}/v1/videos/{delivered}/content") as download:
            assert download.status == 200
            await download.content.readany()
            asked_at = time.monotonic()
            assert await served.stop() == 0
            assert time.monotonic() - asked_at < STOPPED_WITHIN_S
            with pytest.raises(ClientPayloadError):
                await download.read()
        await sandbox.clear_faults()
        await served.start()
        video = await served.ended(lost)
        assert (video["status"], video["error"]["code"]) == ("failed", "submit_unknown")
        assert (await served.video(delivered))["status"] == "completed"
        assert served.creates() == 2


async def test_an_idle_router_stops_at_once_and_says_so(tmp_path: Path) -> None:
    async with a_served(tmp_path, "jizhiai") as served:
        await served.start()
        assert await served.stop() == 0
        said = served.logs[0].read_text()
        assert '"event":"stopping"' in said
        assert '"event":"stopped"' in said


async def test_a_router_that_cannot_listen_leaves_no_submit_without_its_answer(tmp_path: Path) -> None:
    async with a_served(tmp_path, "jizhiai") as served:
        await served.sandboxes["jizhiai"].set_faults([{"fault": "late_answer", "delay_s": 0.5}])
        store = await Store.open(served.database)
        now = time.time()
        for number in range(5):
            video = a_video(model="sora-2", prompt=f"scene {number}")
            await store.add_job(a_job(id=f"video_{number}", video=video, created_at=now, deadline_at=now + 60))
        await store.close()
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            with pytest.raises(AssertionError, match="cannot start"):
                await served.start(port=taken.getsockname()[1])
            assert await served.exited() == 2
        assert AttemptState.SUBMITTING not in {row.state for row in served.rows()}
        await served.start()
        async with asyncio.timeout(20):
            while {row.job_state for row in served.rows()} != {JobState.COMPLETED} or len(served.rows()) < 5:
                await asyncio.sleep(0.05)
        assert served.creates() == 5
