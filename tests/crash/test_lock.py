"""A file that another process has locked: no job is taken, the old ones are polled on, and all settles afterwards."""

import asyncio
from pathlib import Path

from tests.crash.lock import locked
from tests.crash.reconciliation import unfinished
from tests.crash.scene import a_scene
from tests.crash.test_disk import asked, is_ready


async def test_a_locked_file_refuses_new_jobs_polls_the_old_ones_and_all_settles_when_it_is_free(
    tmp_path: Path,
) -> None:
    async with a_scene(tmp_path, "jizhiai") as scene:
        served = scene.served
        await served.start()
        video_id = (await served.create("a paper boat"))["id"]
        await scene.until(lambda rows: rows[0].accepted_at is not None)
        async with locked(served.database):
            polls = await scene.polls()
            # Longer than the router waits for a lock.
            ready, (response, answer) = await asyncio.gather(
                is_ready(scene), asked(scene, **{"Idempotency-Key": "once"})
            )
            assert ready == (503, "unavailable")
            assert (response.status, answer["error"]["type"]) == (503, "server_error")
            assert int(response.headers["Retry-After"]) > 0
            await scene.all_ended_upstream()
            assert await scene.polls() > polls
            assert (await served.video(video_id))["status"] == "in_progress"
        assert (await served.ended(video_id))["status"] == "completed"
        response, answer = await asked(scene, **{"Idempotency-Key": "once"})
        assert response.status == 200
        assert (await served.ended(answer["id"]))["status"] == "completed"
        ledger = await scene.reconciled()
        assert [row.cost_kind for row in ledger.rows] == ["delivered", "delivered"]
        assert unfinished(ledger) == []


async def test_a_router_that_starts_before_a_locked_file_takes_up_its_jobs(tmp_path: Path) -> None:
    async with a_scene(tmp_path, "jizhiai", time_scale=60.0) as scene:
        served = scene.served
        await served.start()
        video_id = (await served.create("a lighthouse"))["id"]
        await scene.until(lambda rows: rows[0].accepted_at is not None)
        await served.kill()
        async with locked(served.database):
            await served.start()
            assert (await served.video(video_id))["status"] == "in_progress"
            await scene.all_ended_upstream()
        assert (await served.ended(video_id))["status"] == "completed"
        assert unfinished(await scene.reconciled()) == []
