"""The official SDK with its own two retries before a router whose store fails: no job is bought twice."""

import asyncio
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI

from tests.engine.lying import lie
from tests.locking import locked
from tests.rig import Rig, a_rig, assert_books_agree

KEY = {"Idempotency-Key": "k-1"}
ORDER: dict[str, Any] = {"prompt": "a paper boat", "model": "sora-2", "seconds": "10", "size": "720x1280"}


class Impatient(AsyncOpenAI):
    """The SDK as it comes, retries included, which does not wait between them; `sent` counts what it sends."""

    sent = 0

    async def _sleep_for_retry(self, **_: Any) -> None:
        await asyncio.sleep(0)

    async def _prepare_request(self, request: Any) -> None:
        self.sent += request.method == "POST"


def sdk(rig: Rig) -> Impatient:
    return Impatient(base_url=f"{rig.router.url}/v1", api_key="unused")


async def impatient_store(rig: Rig) -> None:
    """Let a write that meets a lock fail soon."""
    await rig.router.engine._parts.store._writer.do(lambda connection: connection.execute("PRAGMA busy_timeout = 20"))


async def all_made(rig: Rig, count: int) -> None:
    """Wait until the router's jobs are all there and over, and see that each was bought once."""
    async with asyncio.timeout(20):
        while len(found := [video async for video in rig.client.videos.list()]) < count:
            await asyncio.sleep(0.05)
    assert {(await rig.ended(video.id)).status for video in found} == {"completed"}
    assert (len(found), rig.sandboxes["jizhiai"].books().totals.accepted) == (count, count)
    assert_books_agree(rig)


async def test_a_create_that_is_durable_and_reported_as_failed_is_bought_once_without_a_key(tmp_path: Path) -> None:
    async with a_rig(tmp_path, "jizhiai") as rig, sdk(rig) as client:
        lie(rig.router.engine._parts.store)
        with pytest.raises(openai.InternalServerError) as lost:
            await client.videos.create(**ORDER)
        assert (lost.value.code, client.sent) == ("create_unconfirmed", 1)
        assert lost.value.response.headers["x-should-retry"] == "false"
        await all_made(rig, 1)


async def test_with_a_key_the_sdk_gets_that_very_job_by_itself(tmp_path: Path) -> None:
    async with a_rig(tmp_path, "jizhiai") as rig, sdk(rig) as client:
        lie(rig.router.engine._parts.store)
        video = await client.videos.create(**ORDER, extra_headers=KEY)
        assert client.sent == 2
        assert (await rig.ended(video.id)).status == "completed"
        await all_made(rig, 1)


@pytest.mark.parametrize(("headers", "sent"), [({}, 1), (KEY, 3)], ids=["without a key", "with a key"])
async def test_a_locked_file_is_told_and_nothing_is_bought(headers: dict[str, str], sent: int, tmp_path: Path) -> None:
    async with a_rig(tmp_path, "jizhiai") as rig, sdk(rig) as client:
        await impatient_store(rig)
        with locked(rig.database):
            with pytest.raises(openai.InternalServerError) as busy:
                await client.videos.create(**ORDER, extra_headers=headers)
            assert (busy.value.status_code, client.sent) == (503, sent)
        assert [video async for video in rig.client.videos.list()] == []
        await client.videos.create(**ORDER, extra_headers=headers)
        await all_made(rig, 1)


async def test_a_lock_that_goes_away_between_two_tries_costs_a_caller_with_a_key_nothing(tmp_path: Path) -> None:
    async with a_rig(tmp_path, "jizhiai") as rig:
        await impatient_store(rig)
        lock = locked(rig.database)

        class Unlocking(Impatient):
            async def _sleep_for_retry(self, **_: Any) -> None:
                lock.__exit__(None, None, None)

        async with Unlocking(base_url=f"{rig.router.url}/v1", api_key="unused") as client:
            lock.__enter__()
            video = await client.videos.create(**ORDER, extra_headers=KEY)
            assert client.sent == 2
        assert (await rig.ended(video.id)).status == "completed"
        await all_made(rig, 1)


async def test_an_answer_that_breaks_after_the_job_is_stored_is_not_repeated_without_a_key(tmp_path: Path) -> None:
    async with a_rig(tmp_path, "jizhiai") as rig, sdk(rig) as client:
        accept = rig.router.engine.accept

        async def broken(order: Any) -> Any:
            await accept(order)
            raise RuntimeError("a defect")

        rig.router.engine.accept = broken  # type: ignore[method-assign]
        with pytest.raises(openai.InternalServerError):
            await client.videos.create(**ORDER)
        assert client.sent == 1
        with pytest.raises(openai.InternalServerError):
            await client.videos.create(**{**ORDER, "prompt": "another boat"}, extra_headers=KEY)
        assert client.sent == 4
        await all_made(rig, 2)
