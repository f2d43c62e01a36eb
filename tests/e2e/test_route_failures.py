"""Jobs that end although no provider failed them: nobody is left, money or time is up, or their images are gone."""

import sqlite3
import time
from pathlib import Path
from typing import Any

from providers.canonical import ImageFile, Reason
from router.engine.store import Store
from router.http.callers import ANONYMOUS
from tests.builders import a_job, a_video
from tests.e2e.load import PNG
from tests.e2e.test_every_failure import metrics, value
from tests.rig import POLLING, Rig, a_rig, assert_books_agree

FIRST, NEXT = "jizhiai", "shenma"
LIVES_S = 3.0


async def store_jobs(folder: Path, count: int, *images: ImageFile) -> None:
    """Leave jobs that nobody was asked for yet to the next start, as one leaves them that cannot write an intent."""
    store = await Store.open(folder / "router.db")
    now = time.time()
    for number in range(1, count + 1):
        video = a_video(model="sora-2", prompt=f"scene {number}", images=images)
        job = a_job(id=f"video_{number}", caller=ANONYMOUS, video=video, created_at=now, deadline_at=now + LIVES_S)
        await store.add_job(job)
    await store.close()


async def check_end(rig: Rig, video: Any, reason: Reason) -> None:
    assert (video.status, video.error.code) == ("failed", f"route.{reason}")
    seen = await metrics(rig)
    assert value(seen, "jobs_finished_total", outcome="failed", stage="route", reason=reason) == 1 or (
        value(seen, "jobs_finished_total", outcome="expired", stage="route", reason=reason) == 1
    )


async def test_a_job_whose_money_is_used_up_says_so_and_names_its_attempts(tmp_path: Path) -> None:
    first = {FIRST: {"polling": {**POLLING, "download_s_max": 0.2}}}
    async with a_rig(tmp_path, FIRST, NEXT, providers=first, policy={"max_spend_usd": "0.20"}) as rig:
        await rig.sandboxes[FIRST].set_faults([{"fault": "no_link"}])
        video = await rig.made()
        await check_end(rig, video, Reason.BUDGET)
        (attempt,) = video.error.model_dump()["attempts"]
        assert (attempt["stage"], attempt["charged"]) == ("download", True)
        assert rig.sandboxes[NEXT].books().totals.accepted == 0
        assert_books_agree(rig)


async def test_a_job_that_nobody_had_room_for_in_time_says_so(tmp_path: Path) -> None:
    await store_jobs(tmp_path, 2)
    one_at_a_time = {"in_flight_max": 1, "polling": {**POLLING, "stall_s": 20, "deadline_s": 20, "first_after_s": 10}}
    async with a_rig(tmp_path, FIRST, providers={FIRST: one_at_a_time}) as rig:
        waiting = await rig.ended("video_2")
        await check_end(rig, waiting, Reason.EXPIRED)
        assert waiting.error.model_dump()["attempts"] == []
        assert rig.sandboxes[FIRST].books().totals.accepted == 1


async def test_a_job_that_nobody_sells_any_more_after_a_restart_says_so(tmp_path: Path) -> None:
    await store_jobs(tmp_path, 1)
    sold = {"model": "sora-3", "sizes": ["720x1280"], "seconds": [10], "price": {"per_clip": "0.12"}}
    offerings = {"offerings": [sold]}
    defaults = {"model": "sora-3", "seconds": 10, "size": "720x1280"}
    async with a_rig(tmp_path, FIRST, providers={FIRST: offerings}, defaults=defaults) as rig:
        await check_end(rig, await rig.ended("video_1"), Reason.NO_CANDIDATE)
        assert rig.sandboxes[FIRST].books().requests.get("create", 0) == 0


async def test_a_job_whose_input_image_is_gone_is_not_bought_without_it(tmp_path: Path) -> None:
    await store_jobs(tmp_path, 1, ImageFile(PNG, "image/png", "a.png"))
    with sqlite3.connect(tmp_path / "router.db") as connection:
        connection.execute("DELETE FROM input_images")
    connection.close()
    async with a_rig(tmp_path, FIRST) as rig:
        await check_end(rig, await rig.ended("video_1"), Reason.INTERNAL)
        assert rig.sandboxes[FIRST].books().requests.get("create", 0) == 0
