"""`kill -9` at any moment: what was acknowledged ends, nothing is bought twice, nothing is bought unrecorded."""

import hashlib
from pathlib import Path

from router.core.job import AttemptState
from tests.crash.figures import rounds_table
from tests.crash.rounds import rounds
from tests.crash.scene import a_scene

ROUNDS = 6
SEED = 1


async def test_no_kill_loses_a_job_or_buys_one_twice(tmp_path: Path) -> None:
    async with rounds(tmp_path, SEED) as run:
        for _ in range(ROUNDS):
            await run.one()
        ledger, books = await run.ended()
        assert len(ledger.jobs) > ROUNDS
        assert run.tally.under_way
        assert rounds_table(run.tally, ledger, books).row_count > len(books)


async def test_a_submit_cut_off_by_a_kill_is_held_and_its_money_stays_open(tmp_path: Path) -> None:
    async with a_scene(tmp_path, "jizhiai", "shenma") as scene:
        await scene.weather({"fault": "late_answer", "delay_s": 30})
        served = scene.served
        await served.start()
        video_id = (await served.create("a paper boat"))["id"]
        await scene.accepted(1)
        await served.kill()
        await served.start()
        video = await served.ended(video_id)
        assert (video["status"], video["error"]["code"]) == ("failed", "submit_unknown")
        (row,) = (await scene.reconciled()).rows
        assert (row.state, row.open_microusd) == (AttemptState.UNKNOWN, row.quote_microusd)
        assert (row.posted_microusd, row.voided) == (0, False)


async def test_a_running_job_is_finished_by_the_next_process(tmp_path: Path) -> None:
    async with a_scene(tmp_path, "jizhiai", time_scale=60.0) as scene:
        served = scene.served
        await served.start()
        video_id = (await served.create("a lighthouse"))["id"]
        await scene.until(lambda rows: rows[0].state is AttemptState.RUNNING)
        await served.kill()
        await served.start()
        assert (await served.ended(video_id))["status"] == "completed"
        content = await served.content(video_id)
        assert content[4:8] == b"ftyp"
        (row,) = (await scene.reconciled()).rows
        assert (row.posted_microusd, row.cost_kind) == (120_000, "delivered")
        books = await scene.books()
        (entry,) = books["jizhiai"].accepted
        assert entry.prompt_sha256 == hashlib.sha256(b"a lighthouse").hexdigest()
        assert books["jizhiai"].requests["create"] == 1
