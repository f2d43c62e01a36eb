"""Lost answers that an operator resolves by the commands, at a router that is killed right after he did."""

import asyncio
from pathlib import Path
from typing import Any

import orjson
from typer.testing import CliRunner

from router.cli import cli
from tests.e2e.accounts import Counts, microusd
from tests.e2e.storm import scrape, series_in
from tests.process import PATIENT, Served, a_served

COMMAND = CliRunner()
QUICK: dict[str, Any] = {
    **PATIENT,
    "polling": {
        "first_after_s": 0.02,
        "interval_s_min": 0.02,
        "interval_s_max": 0.1,
        "late_interval_s": 0.2,
        "late_s_max": 60,
    },
}


async def said(*arguments: str, exit_code: int = 0) -> str:
    """Run one of `video-router jobs` beside the router."""
    result = await asyncio.to_thread(COMMAND.invoke, cli, ["jobs", *arguments])
    assert result.exit_code == exit_code, result.output
    return result.output.strip()


async def unknown(served: Served) -> dict[str, Any]:
    """What is uncertain, by the ids of its jobs."""
    document = orjson.loads(await said("unknown", "--json", "--db", str(served.database)))
    return {each["job"]: each for each in document["attempts"]}


async def resolved(served: Served, *arguments: str, exit_code: int = 0) -> str:
    return await said("resolve", "--admin", served.admin_url, *arguments, exit_code=exit_code)


async def lost(served: Served, fault: str, prompt: str, *more: str) -> str:
    """Ask for a video whose answer is lost, and return the job's id when it has ended."""
    await served.sandboxes["jizhiai"].set_faults([{"fault": each} for each in (fault, *more)])
    video = await served.create(prompt)
    assert (await served.ended(video["id"]))["error"]["code"] == "submit_unknown"
    return str(video["id"])


async def assert_accounts_agree(served: Served) -> None:
    """Metrics and file say the same of what is uncertain; what is certain is what the upstream billed."""
    samples, rows = await scrape(served), served.rows()
    still_open: Counts = microusd(series_in(samples, "uncertain_usd"), "provider")
    assert still_open["jizhiai",] == sum(row.open_microusd for row in rows)
    assert sum(each["quote_microusd"] for each in (await unknown(served)).values()) == still_open["jizhiai",]
    posted = sum(row.posted_microusd for row in rows)
    billed = served.sandboxes["jizhiai"].books().totals.net_microusd
    assert posted <= billed <= posted + still_open["jizhiai",]


async def test_lost_answers_are_resolved_by_an_operator_and_all_accounts_agree_after_each(tmp_path: Path) -> None:
    async with a_served(tmp_path, "jizhiai", providers=QUICK) as served:
        await served.start()
        never = await lost(served, "cut_before_accept", "never taken on")
        billed = await lost(served, "cut_after_accept", "billed")
        made = await lost(served, "cut_after_accept", "made")
        remote_ids = [each.id for each in served.sandboxes["jizhiai"].books().accepted]
        await served.sandboxes["jizhiai"].set_faults([])
        assert list(await unknown(served)) == [never, billed, made]

        assert await resolved(served, never, "--not-found") == f"{never}-1: voided, 0.12 USD released"
        await assert_accounts_agree(served)
        again = await resolved(served, never, "--not-found", exit_code=2)
        assert again == f"no money of {never} is uncertain: {never}-1 is failed, not billed"

        assert await resolved(served, f"{billed}-1", "--billed") == f"{billed}-1: posted 0.12 USD as failed_billed"
        await served.kill()
        assert "start the router" in await resolved(served, made, "--not-found", exit_code=2)
        await served.start()
        assert list(await unknown(served)) == [made]
        await assert_accounts_agree(served)

        found = f"{made}-1: found: asked about under {remote_ids[1]} until its money is known"
        assert await resolved(served, made, "--found", remote_ids[1]) == found
        await served.kill()
        await served.start()
        async with asyncio.timeout(20):
            while await unknown(served):
                await asyncio.sleep(0.1)
        await assert_accounts_agree(served)
        kinds = {row.job_id: (row.voided, row.cost_kind, row.posted_microusd) for row in served.rows()}
        assert kinds == {
            never: (True, None, 0),
            billed: (False, "failed_billed", 120_000),
            made: (False, "duplicate", 120_000),
        }
        settled = {
            labels["resolution"]: value
            for labels, value in series_in(await scrape(served), "uncertain_settled_total")
            if value
        }
        assert settled == {"duplicate": 1}


async def test_what_cannot_be_resolved_so_is_refused_with_words(tmp_path: Path) -> None:
    async with a_served(tmp_path, "jizhiai", providers=QUICK) as served:
        await served.start()
        first = await lost(served, "cut_after_accept", "one", "never_finishing")
        second = await lost(served, "cut_after_accept", "another", "never_finishing")
        one, another = (entry.id for entry in served.sandboxes["jizhiai"].books().accepted)
        assert "there is no job or attempt 'video_x'" in await resolved(served, "video_x", "--billed", exit_code=2)
        assert "10 times the quote of 0.12 USD" in await resolved(served, first, "--billed", "12", exit_code=2)
        assert "tells nothing of task_1" in await resolved(served, first, "--found", "task_1", exit_code=2)
        assert f"asked about under {one}" in await resolved(served, first, "--found", one)
        assert f"asked about under {one}" in await resolved(served, first, "--found", one)
        assert f"is {one} at jizhiai" in await resolved(served, first, "--found", another, exit_code=2)
        assert f"is {one} already" in await resolved(served, second, "--found", one, exit_code=2)
        listed = await unknown(served)
        assert [(each["state"], each["remote_id"]) for each in listed.values()] == [("late", one), ("unknown", None)]
        assert await resolved(served, first, "--billed", "0.05") == f"{first}-1: posted 0.05 USD as failed_billed"
        results = await asyncio.gather(
            *(
                served.http.post(f"{served.admin_url}/admin/attempts/resolve", json={"id": second, "billed": True})
                for _ in range(8)
            )
        )
        assert sorted(each.status for each in results) == [200, *[409] * 7]
        assert await unknown(served) == {}
        assert sum(row.posted_microusd for row in served.rows()) == 170_000
        events = [each for each in served.logs[-1].read_text().splitlines() if '"attempt_resolved"' in each]
        assert [orjson.loads(each)["resolution"] for each in events] == ["found", "billed", "billed"]
