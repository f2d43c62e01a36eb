"""Jobs that end although no provider failed them: nobody is left, money or time is up, or their images are gone."""

import asyncio
import base64
import sqlite3
from pathlib import Path
from typing import Any

from providers.canonical import Reason
from tests.e2e.load import PNG
from tests.e2e.test_every_failure import metrics, value
from tests.rig import POLLING, Rig, a_rig, assert_books_agree

FIRST, NEXT = "jizhiai", "shenma"
ONE_AT_A_TIME: dict[str, Any] = {"in_flight_max": 1, "polling": {**POLLING, "stall_s": 20, "deadline_s": 20}}
REQUEST = {"prompt": "a paper boat", "model": "sora-2", "seconds": "10", "size": "720x1280"}


async def two_accepted(rig: Rig, **request: Any) -> tuple[Any, Any]:
    """Two jobs accepted at once, of which the second waits, for its provider takes one at a time."""
    await rig.sandboxes[FIRST].set_faults([{"fault": "never_finishing"}])
    create = rig.client.videos.create
    videos = await asyncio.gather(create(**REQUEST, **request), create(**REQUEST, **request))
    async with asyncio.timeout(5):
        while not rig.sandboxes[FIRST].books().totals.accepted:
            await asyncio.sleep(0.01)
        while True:
            states = [(await rig.client.videos.retrieve(video.id)).status for video in videos]
            if sorted(states) == ["in_progress", "queued"]:
                break
            await asyncio.sleep(0.01)
    under_way = states.index("in_progress")
    return videos[under_way], videos[1 - under_way]


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
    policy = {"job_deadline_s": 0.8, "min_attempt_s": 0.1}
    async with a_rig(tmp_path, FIRST, providers={FIRST: ONE_AT_A_TIME}, policy=policy) as rig:
        _, waiting = await two_accepted(rig)
        video = await rig.ended(waiting.id)
        await check_end(rig, video, Reason.EXPIRED)
        assert video.error.model_dump()["attempts"] == []
        assert rig.sandboxes[FIRST].books().totals.accepted == 1


async def test_a_job_that_nobody_sells_any_more_after_a_restart_says_so(tmp_path: Path) -> None:
    async with a_rig(tmp_path, FIRST, providers={FIRST: ONE_AT_A_TIME}) as rig:
        _, waiting = await two_accepted(rig)
    sold = {"model": "sora-3", "sizes": ["720x1280"], "seconds": [10], "price": {"per_clip": "0.12"}}
    offerings = {"offerings": [sold]}
    defaults = {"model": "sora-3", "seconds": 10, "size": "720x1280"}
    async with a_rig(tmp_path, FIRST, providers={FIRST: offerings}, defaults=defaults) as rig:
        await check_end(rig, await rig.ended(waiting.id), Reason.NO_CANDIDATE)
        assert rig.sandboxes[FIRST].books().requests.get("create", 0) == 0


async def test_a_job_whose_input_image_is_gone_is_not_bought_without_it(tmp_path: Path) -> None:
    image = {"extra_body": {"input_reference": "data:image/png;base64," + base64.b64encode(PNG).decode()}}
    async with a_rig(tmp_path, FIRST, providers={FIRST: ONE_AT_A_TIME}) as rig:
        _, waiting = await two_accepted(rig, **image)
    with sqlite3.connect(tmp_path / "router.db") as connection:
        connection.execute("DELETE FROM input_images WHERE job_id = ?", (waiting.id,))
    connection.close()
    async with a_rig(tmp_path, FIRST) as rig:
        await check_end(rig, await rig.ended(waiting.id), Reason.INTERNAL)
        assert rig.sandboxes[FIRST].books().requests.get("create", 0) == 0
