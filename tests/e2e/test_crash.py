"""`kill -9` at any moment: what was acknowledged ends, nothing is bought twice, nothing is bought unrecorded."""

import asyncio
import hashlib
import os
import random
from collections import Counter
from pathlib import Path

from aiohttp import ClientError

from router.core.job import AttemptState, JobState
from tests.process import ENDED, UNHURRIED, Served, a_served

ROUNDS = int(os.environ.get("CRASH_ROUNDS", "5"))
SEED = int(os.environ.get("CRASH_SEED", "1"))
JOBS = 12

# Every phase lasts long enough to be killed in, and some jobs take every way out.
WEATHER = (
    {"fault": "late_answer", "share": 0.3, "delay_s": 0.15},
    {"fault": "cut_after_accept", "share": 0.05},
    {"fault": "http_503", "share": 0.05, "retry_after_s": 0},
    {"fault": "slow_download", "share": 0.2, "delay_s": 0.2},
    {"fault": "fail_at_95", "share": 0.1},
    {"fault": "poll_500", "share": 0.1},
)


async def test_no_kill_loses_a_job_or_buys_one_twice(tmp_path: Path) -> None:
    rng = random.Random(SEED)
    acknowledged: dict[str, str] = {}
    policy = {"job_deadline_s": 60}
    async with a_served(tmp_path, "jizhiai", "shenma", providers=UNHURRIED, policy=policy) as served:
        for sandbox in served.sandboxes.values():
            await sandbox.set_faults(WEATHER)
        for number in range(ROUNDS):
            await served.start()
            creating = asyncio.gather(
                *(create(served, f"round {number}, scene {each}", rng.uniform(0, 0.5)) for each in range(JOBS))
            )
            await asyncio.sleep(rng.uniform(0.05, 1.2))
            await served.kill()
            acknowledged |= {video_id: prompt for prompt, video_id in await creating if video_id}
        await served.start()
        for video_id in acknowledged:
            assert (await served.ended(video_id, 60.0))["status"] in ENDED
        await everything_ended(served)
        check_purchases(served)
        check_books(served)
    assert len(acknowledged) > ROUNDS


async def create(served: Served, prompt: str, after_s: float) -> tuple[str, str | None]:
    """Create a video, whose id is unknown when the router is killed before it has answered."""
    await asyncio.sleep(after_s)
    try:
        return prompt, str((await served.create(prompt))["id"])
    except (ClientError, OSError):
        return prompt, None


async def everything_ended(served: Served) -> None:
    """Jobs whose acknowledgement was lost in a kill run as well."""
    async with asyncio.timeout(40):
        while any(row.job_state not in (JobState.COMPLETED, JobState.FAILED) for row in served.rows()):
            await asyncio.sleep(0.1)


def check_purchases(served: Served) -> None:
    rows = served.rows()
    for name, sandbox in served.sandboxes.items():
        mine = [row for row in rows if row.provider == name]
        unknown = sum(row.state is AttemptState.UNKNOWN for row in mine)
        creates = sandbox.books().requests["create"]
        # A kill may come between the intent and its submit: then there is an attempt that was never sent, no more.
        assert creates <= len(mine) <= creates + unknown
        assert max(Counter(entry.prompt_sha256 for entry in sandbox.books().accepted).values()) == 1
    bought = Counter(row.job_id for row in rows if row.posted_microusd or row.open_microusd)
    assert [row for row in rows if bought[row.job_id] > 1] == []
    paid = Counter(
        entry.prompt_sha256
        for sandbox in served.sandboxes.values()
        for entry in sandbox.books().accepted
        if entry.net_microusd
    )
    assert max(paid.values()) == 1
    assert sum(row.state is AttemptState.RUNNING or row.state is AttemptState.SUBMITTING for row in rows) == 0


def check_books(served: Served) -> None:
    rows = served.rows()
    for name, sandbox in served.sandboxes.items():
        mine = [row for row in rows if row.provider == name]
        posted, still_open = sum(row.posted_microusd for row in mine), sum(row.open_microusd for row in mine)
        net = sandbox.books().totals.net_microusd
        assert posted <= net <= posted + still_open, f"{name}: posted {posted}, open {still_open}, billed {net}"
        assert still_open == sum(row.quote_microusd for row in mine if row.state is AttemptState.UNKNOWN)


async def test_a_submit_cut_off_by_a_kill_is_held_and_its_money_stays_open(tmp_path: Path) -> None:
    async with a_served(tmp_path, "jizhiai", "shenma") as served:
        await served.sandboxes["jizhiai"].set_faults([{"fault": "late_answer", "delay_s": 30}])
        await served.sandboxes["shenma"].set_faults([{"fault": "late_answer", "delay_s": 30}])
        await served.start()
        video_id = (await served.create("a paper boat"))["id"]
        await served.accepted(1)
        await served.kill()
        await served.start()
        video = await served.ended(video_id)
        assert (video["status"], video["error"]["code"]) == ("failed", "submit_unknown")
        (row,) = served.rows()
        assert (row.state, row.open_microusd) == (AttemptState.UNKNOWN, row.quote_microusd)
        assert (row.posted_microusd, row.voided, served.creates()) == (0, False, 1)
        check_books(served)


async def test_a_running_job_is_finished_by_the_next_process(tmp_path: Path) -> None:
    async with a_served(tmp_path, "jizhiai", time_scale=60.0) as served:
        await served.start()
        video_id = (await served.create("a lighthouse"))["id"]
        await served.accepted(1)
        while served.rows()[0].state is not AttemptState.RUNNING:
            await asyncio.sleep(0.01)
        await served.kill()
        await served.start()
        assert (await served.ended(video_id))["status"] == "completed"
        content = await served.content(video_id)
        assert content[4:8] == b"ftyp"
        (entry,) = served.sandboxes["jizhiai"].books().accepted
        assert entry.prompt_sha256 == hashlib.sha256(b"a lighthouse").hexdigest()
        (row,) = served.rows()
        assert (served.creates(), row.posted_microusd, row.cost_kind) == (1, 120_000, "delivered")
