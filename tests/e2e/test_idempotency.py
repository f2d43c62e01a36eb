"""One key and one body are one job and one purchase, at once, again, and after a restart."""

import asyncio
import hashlib
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import openai
import pytest
from aiohttp import FormData

from router.core.idempotency import KEPT_S
from tests.process import Served, a_served
from tests.rig import a_rig, assert_books_agree

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360000002000001e221bc330000"
    "000049454e44ae426082"
)
OTHER_PNG = PNG[:-12] + b"\0\0\0\0tEXt\x59\xa3\x5d\x0c" + PNG[-12:]
BODY = {"prompt": "a paper boat", "model": "sora-2", "seconds": "10", "size": "720x1280"}


async def posted(
    served: Served, key: str, body: Mapping[str, Any] = BODY, image: bytes | None = None, image_name: str = "still.png"
) -> tuple[int, dict[str, Any], bool]:
    """Create with a key; return the status, the document, and whether it was replayed."""
    if image is None:
        what: dict[str, Any] = {"json": body}
    else:
        form = FormData()
        for name, value in body.items():
            form.add_field(name, value)
        form.add_field("input_reference", image, filename=image_name, content_type="image/png")
        what = {"data": form}
    async with served.http.post(f"{served.url}/v1/videos", headers={"Idempotency-Key": key}, **what) as response:
        return response.status, await response.json(), "Idempotent-Replayed" in response.headers


async def test_one_key_is_one_job_and_one_purchase_at_once_and_after_restarts(tmp_path: Path) -> None:
    async with a_served(tmp_path, "jizhiai") as served:
        await served.start()
        answers = await asyncio.gather(*(posted(served, "key-1") for _ in range(100)))
        assert {status for status, _, _ in answers} == {200}
        assert len({video["id"] for _, video, _ in answers}) == 1
        assert [replayed for _, _, replayed in answers].count(False) == 1
        video_id = answers[0][1]["id"]
        await served.accepted(1)
        await served.kill()
        await served.start()
        assert await posted(served, "key-1", {**BODY, "prompt": "another boat"}) == (422, *_conflict())
        status, video, replayed = await posted(served, "key-1")
        assert (status, video["id"], replayed) == (200, video_id, True)
        await served.ended(video_id)
        assert await served.stop() == 0
        await served.start()
        _, video, replayed = await posted(served, "key-1")
        assert (video["id"], replayed) == (video_id, True)
        assert (served.creates(), len(served.rows())) == (1, 1)
        # Another key is another video, whatever it shows.
        _, other, replayed = await posted(served, "key-2")
        assert other["id"] != video_id
        assert not replayed


def _conflict() -> tuple[dict[str, Any], bool]:
    message = "this Idempotency-Key was used before, for a different request; use a new key for a new request"
    error = {"message": message, "type": "invalid_request_error", "param": "Idempotency-Key"}
    return {"error": {**error, "code": "idempotency_key_reused"}}, False


async def test_an_uploaded_image_counts_by_its_bytes_and_not_by_its_name(tmp_path: Path) -> None:
    async with a_served(tmp_path, "shenma") as served:
        await served.start()
        _, first, _ = await posted(served, "key", image=PNG)
        await served.accepted(1)
        await served.kill()
        await served.start()
        status, again, replayed = await posted(served, "key", image=PNG, image_name="renamed.png")
        assert (status, again["id"], replayed) == (200, first["id"], True)
        assert (await posted(served, "key", image=OTHER_PNG))[0] == 422
        assert (await posted(served, "key"))[0] == 422
        await served.ended(first["id"])
        assert (served.creates(), len(served.rows())) == (1, 1)


async def test_a_key_is_free_again_when_nothing_was_bought_for_it(tmp_path: Path) -> None:
    async with a_served(tmp_path, "jizhiai") as served:
        await served.start()
        assert (await posted(served, "key", {**BODY, "seconds": "11"}))[0] == 400
        status, _, replayed = await posted(served, "key")
        assert (status, replayed) == (200, False)


async def test_a_key_says_until_when_it_stands_for_its_job_and_a_restart_does_not_change_it(tmp_path: Path) -> None:
    async with a_served(tmp_path, "jizhiai") as served:
        await served.start()

        async def told(**routing: Any) -> tuple[dict[str, Any], float]:
            headers, body = {"Idempotency-Key": "key"}, {**BODY, "routing": routing}
            async with served.http.post(f"{served.url}/v1/videos", headers=headers, json=body) as response:
                assert response.status == 200
                expires = parsedate_to_datetime(response.headers["Idempotency-Key-Expires"])
                return await response.json(), expires.timestamp()

        video, until = await told(deadline_s=20)
        assert until - video["created_at"] - 20 - KEPT_S in (0.0, 1.0)
        await served.kill()
        await served.start()
        assert (await told(deadline_s=20))[1] == until
        await served.ended(video["id"])
        # Killed between the intent and the submit, nothing was sent, and nothing is sent again.
        assert (len(served.rows()), served.creates()) in ((1, 0), (1, 1))


async def test_two_callers_use_one_key_for_two_videos(tmp_path: Path) -> None:
    names = ("alice", "bob")
    callers = [{"name": name, "key_sha256": hashlib.sha256(name.encode()).hexdigest()} for name in names]
    async with a_rig(tmp_path, "jizhiai", callers=callers) as rig:
        made = []
        for name in (*names, *names):
            client = rig.client.with_options(api_key=name)
            made.append((await client.videos.create(prompt="x", extra_headers={"Idempotency-Key": "key"})).id)
        assert made[:2] == made[2:]
        assert made[0] != made[1]


@pytest.mark.parametrize("live", [False, True])
async def test_the_key_of_a_deleted_video_buys_no_second_one(*, live: bool, tmp_path: Path) -> None:
    async with a_rig(tmp_path, "jizhiai", time_scale=60.0 if live else 1000.0) as rig:
        order: dict[str, Any] = {"prompt": "x", "extra_headers": {"Idempotency-Key": "key"}}
        video = await rig.client.videos.create(**order)
        async with asyncio.timeout(10):
            while not rig.sandboxes["jizhiai"].books().totals.accepted:
                await asyncio.sleep(0.01)
        if not live:
            await rig.ended(video.id)
        await rig.client.videos.delete(video.id)
        async with asyncio.timeout(10):
            while (again := await rig.client.videos.create(**order)).status not in ("completed", "failed"):
                await asyncio.sleep(0.02)
        assert again.id == video.id
        assert (again.error.code if again.error else None) == ("cancelled" if live else None)
        with pytest.raises(openai.NotFoundError):
            await rig.client.videos.retrieve(video.id)
        assert rig.sandboxes["jizhiai"].books().totals.accepted == 1
        assert_books_agree(rig)


async def test_limits_of_its_own_are_part_of_a_request_and_of_its_key(tmp_path: Path) -> None:
    async with a_rig(tmp_path, "jizhiai") as rig:

        async def created(**routing: Any) -> str:
            headers, extra = {"Idempotency-Key": "key"}, {"routing": routing}
            return (await rig.client.videos.create(prompt="x", extra_headers=headers, extra_body=extra)).id

        first = await created(max_attempts=2, failover_on={"output_review": "never"})
        assert await created(max_attempts="2", failover_on={"output_review.refused": "never"}) == first
        for other in ({}, {"max_attempts": 3}, {"max_attempts": 2, "failover_on": {"output_review": "once"}}):
            with pytest.raises(openai.UnprocessableEntityError):
                await created(**other)
