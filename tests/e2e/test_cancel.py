"""A video that is deleted before it has ended: gone at once, honest about its money, and settled later."""

import asyncio
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.rig import Rig, a_rig, assert_books_agree

# Slow enough that a video is not finished before it is deleted.
SLOWLY = 150.0


async def gone(rig: Rig, video_id: str) -> None:
    for ask in (rig.client.videos.retrieve, rig.client.videos.download_content, rig.client.videos.delete):
        with pytest.raises(openai.NotFoundError) as missing:
            await ask(video_id)
        assert missing.value.code == "video_not_found"
    assert [video async for video in rig.client.videos.list()] == []


async def accepted(rig: Rig, name: str) -> None:
    async with asyncio.timeout(10):
        while not [row for row in rig.rows() if row.provider == name and row.accepted_at]:
            await asyncio.sleep(0.01)


async def test_a_running_video_is_gone_at_once_and_its_money_is_settled_when_it_is_known(tmp_path: Path) -> None:
    async with a_rig(tmp_path, "jizhiai", time_scale=SLOWLY) as rig:
        video = await rig.client.videos.create(prompt="a paper boat", seconds="10")
        await accepted(rig, "jizhiai")
        answer: dict[str, Any] = (await rig.client.videos.delete(video.id)).to_dict()
        assert answer == {
            "id": video.id,
            "object": "video.deleted",
            "deleted": True,
            "cancelled": True,
            "may_be_charged": True,
            "message": answer["message"],
        }
        assert "may still be finished and charged" in answer["message"]
        await gone(rig, video.id)
        async with asyncio.timeout(20):
            while (row := rig.rows()[0]).open_microusd:
                await asyncio.sleep(0.05)
        shown = await rig.client.videos.retrieve(video.id, extra_query={"include": "deleted"})
        assert (shown.status, shown.error.code, shown.error.attempts[0]["charged"]) == ("failed", "cancelled", True)
        # This dialect cannot stop a job: it was made and billed, and nobody got it.
        assert (row.job_state, row.posted_microusd, row.cost_kind) == ("failed", 120_000, "duplicate")
        assert_books_agree(rig)


async def test_a_video_that_waits_for_a_provider_costs_nothing(tmp_path: Path) -> None:
    full = {"shenma": {"in_flight_max": 1}}
    async with a_rig(tmp_path, "jizhiai", "shenma", providers=full, time_scale=SLOWLY) as rig:
        only = {"routing": {"only": ["shenma"]}}
        other = await rig.client.videos.create(prompt="another boat", seconds="10", extra_body=only)
        await accepted(rig, "shenma")
        await rig.sandboxes["jizhiai"].set_faults([{"fault": "rate_limited"}])
        video = await rig.client.videos.create(prompt="a paper boat", seconds="10")
        async with asyncio.timeout(10):
            while not [row for row in rig.rows() if row.provider == "jizhiai" and row.ended_at]:
                await asyncio.sleep(0.01)
        answer = (await rig.client.videos.delete(video.id)).to_dict()
        assert (answer["cancelled"], answer["may_be_charged"]) == (True, False)
        assert "Nothing is charged" in answer["message"]
        assert [each.id async for each in rig.client.videos.list()] == [other.id]
        assert (await rig.ended(other.id)).status == "completed"
        assert rig.sandboxes["shenma"].books().totals.accepted == 1
        assert_books_agree(rig)


async def test_a_finished_video_is_deleted_as_it_always_was(tmp_path: Path) -> None:
    async with a_rig(tmp_path, "jizhiai") as rig:
        video = await rig.made(prompt="a paper boat")
        answer = (await rig.client.videos.delete(video.id)).to_dict()
        assert answer == {"id": video.id, "object": "video.deleted", "deleted": True}
        await gone(rig, video.id)
        assert_books_agree(rig)
