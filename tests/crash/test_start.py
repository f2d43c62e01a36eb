"""Starts and stops that go wrong: two routers on one file, and kills while the file is made or the process stops."""

import asyncio
from pathlib import Path
from random import Random
from signal import SIGTERM

import pytest

from router.core.job import AttemptState
from tests.crash.reconciliation import unfinished
from tests.crash.scene import STANDBY, Scene, a_scene, stop_standby
from tests.process import Served

KILLS = 5
SEED = 1


def another(scene: Scene) -> Served:
    """A router of its own with the same configuration and the same file."""
    served = scene.served
    return Served(served.folder, {}, served.http, program=STANDBY, kept_at=served.database, _starts=100)


async def test_a_second_router_on_a_file_does_not_start_and_does_no_harm(tmp_path: Path) -> None:
    async with a_scene(tmp_path, "jizhiai") as scene:
        served, second = scene.served, another(scene)
        await scene.upstreams["jizhiai"].set_faults({"fault": "late_answer", "delay_s": 0.5})
        await served.start()
        video_id = (await served.create("a paper boat"))["id"]
        await scene.accepted(1)
        # It would take the first one's submit for a lost one.
        with pytest.raises(AssertionError, match="is in use by another router"):
            await second.start()
        assert await second.exited() == 2
        assert (await served.ended(video_id))["status"] == "completed"
        assert unfinished(await scene.reconciled()) == []


async def test_of_two_routers_that_begin_on_one_new_file_one_serves(tmp_path: Path) -> None:
    async with a_scene(tmp_path, "jizhiai") as scene:
        both = (scene.served, another(scene))
        for each in both:
            each.standby = each.spawned(stands_by=True)
        await asyncio.sleep(1.0)
        for each in both:
            each.begin()
        began = await asyncio.gather(*(each.listening() for each in both), return_exceptions=True)
        assert sum(result is None for result in began) == 1
        serving = both[began.index(None)]
        video_id = (await serving.create("a lighthouse"))["id"]
        assert (await serving.ended(video_id))["status"] == "completed"
        for each in both:
            await each.kill()


async def test_a_kill_while_the_file_is_made_leaves_one_that_the_next_start_can_use(tmp_path: Path) -> None:
    rng = Random(SEED)
    async with a_scene(tmp_path, "jizhiai") as scene:
        served = scene.served
        for number in range(KILLS):
            served.begin()
            if number < KILLS - 1:
                served.standby = served.spawned(stands_by=True)
            for _ in range(int(rng.uniform(0, 60))):
                if served.database.exists():
                    break
                await asyncio.sleep(0.05)
            await asyncio.sleep(rng.uniform(0.0, 0.3))
            await served.kill()
            if rng.random() < 0.5:
                for left in tmp_path.glob("router.db*"):
                    left.unlink()
        stop_standby(served)
        await served.start()
        video_id = (await served.create("a harbour"))["id"]
        assert (await served.ended(video_id))["status"] == "completed"
        assert unfinished(await scene.reconciled()) == []


async def test_a_kill_leaves_everything_in_the_log_beside_the_file(tmp_path: Path) -> None:
    async with a_scene(tmp_path, "jizhiai", time_scale=60.0) as scene:
        served = scene.served
        await served.start()
        video_id = (await served.create("a paper boat"))["id"]
        await scene.until(lambda rows: rows[0].state is AttemptState.RUNNING)
        await served.kill()
        # What was committed is in no page of the file itself: it was never checkpointed.
        assert video_id.encode() not in served.database.read_bytes()
        await served.start()
        assert (await served.ended(video_id))["status"] == "completed"
        assert unfinished(await scene.reconciled()) == []


async def test_a_kill_while_it_waits_for_its_last_answers_holds_those_submits(tmp_path: Path) -> None:
    async with a_scene(tmp_path, "jizhiai") as scene:
        served, upstream = scene.served, scene.upstreams["jizhiai"]
        await upstream.set_faults({"fault": "late_answer", "delay_s": 30})
        await served.start()
        video_id = (await served.create("a lighthouse"))["id"]
        await scene.accepted(1)
        served.signal(SIGTERM)
        async with asyncio.timeout(10):
            while served.said("stopping") is None:
                await asyncio.sleep(0.02)
        await served.kill()
        await scene.reconciled()
        await upstream.set_faults()
        await served.start()
        assert (await served.ended(video_id))["error"]["code"] == "submit_unknown"
        (row,) = (await scene.reconciled()).rows
        assert (row.state, row.open_microusd) == (AttemptState.UNKNOWN, row.quote_microusd)
