"""`video-router jobs show`: one job whole, from the file of a router that runs, or ran."""

import asyncio
from pathlib import Path

import orjson
from typer.testing import CliRunner

from router.cli import cli
from router.engine.store import Store
from tests.rig import a_rig
from tests.store.lives import delivered, running, the_job

COMMAND = CliRunner()


async def said(*arguments: str, exit_code: int = 0) -> str:
    result = await asyncio.to_thread(COMMAND.invoke, cli, ["jobs", "show", *arguments], env={"COLUMNS": "140"})
    assert result.exit_code == exit_code, result.output
    return result.output


async def test_a_job_that_failed_over_tells_of_each_attempt_why_it_went_there(tmp_path: Path) -> None:
    async with a_rig(tmp_path, "jizhiai", "shenma") as rig:
        await rig.sandboxes["jizhiai"].set_faults([{"fault": "http_503", "share": 1.0}])
        image = "https://images.example.com/boat.png?signature=canary-2"
        wishes = {"order": ["jizhiai", "shenma"], "max_spend_usd": "0.80", "failover_on": {"output_review": "never"}}
        extra = {"images": [image], "routing": wishes}
        video = await rig.made(prompt="canary-1 in a paper boat", extra_body=extra)
        db = ("--db", str(rig.database))
        shown, document = await said(video.id, *db), orjson.loads(await said(video.id, "--json", *db))
        assert orjson.loads(await said(f"{video.id}-2", "--json", *db)) == document
    for text in (shown, str(document)):
        assert "canary" not in text
        assert "http://127.0.0.1" not in text
    assert document["id"] == video.id
    assert document["request"] == {
        "model": "sora-2",
        "seconds": 10,
        "size": "720x1280",
        "watermark": None,
        "images": ["url"],
        "prompt_length": len("canary-1 in a paper boat"),
    }
    assert document["preferences"] == {
        "order": ["jizhiai", "shenma"],
        "spend_microusd_max": 800_000,
        "failover_on": {"output_review.refused": "never"},
    }
    assert [(each["provider"], each["state"], each["stage"], each["reason"]) for each in document["attempts"]] == [
        ("jizhiai", "failed", "submit", "overloaded"),
        ("shenma", "succeeded", None, None),
    ]
    assert [(each["attempt_id"][-2:], each["kind"], each["amount_microusd"]) for each in document["entries"]] == [
        ("-1", "pending", 120_000),
        ("-1", "voided", 120_000),
        ("-2", "pending", 150_000),
        ("-2", "posted", 150_000),
    ]
    assert [(each["attempt"][-2:], each["chosen"], each["order"][0]) for each in document["decisions"]] == [
        ("-1", "jizhiai/sora-2", "jizhiai/sora-2"),
        ("-2", "shenma/sora-2", "shenma/sora-2"),
    ]
    assert [each["cause"] for each in document["decisions"][1]["excluded"]] == ["tried"]
    flat = " ".join(shown.split())
    assert f"{video.id}: completed, of anonymous" in flat
    assert "asked: sora-2 10 s 720x1280, a prompt of 24 characters, input images: 1" in flat
    said_routing = "routing: order jizhiai, shenma; max_spend_usd 0.80; failover_on output_review.refused=never"
    assert said_routing in flat
    assert "failed: submit.overloaded" in flat
    assert f"{video.id}-1 went to jizhiai/sora-2" in flat
    assert "was tried for this job already" in flat
    assert "shenma/sora-2 was chosen: nobody else can take it" in flat


async def test_a_job_from_before_decisions_were_kept_is_shown_without(tmp_path: Path) -> None:
    path = tmp_path / "router.db"
    store = await Store.open(path)
    await delivered(store, *await running(store, await store.add_job(the_job(1))))
    await store.close()
    assert orjson.loads(await said("video_1", "--json", "--db", str(path)))["decisions"] == []
    shown = await said("video_1", "--db", str(path))
    assert "went to" not in shown
    assert "sig=1" not in shown
    assert "harbour" not in shown
    assert "succeeded" in shown


async def test_a_job_that_is_not_there_is_said_to_be_none(tmp_path: Path) -> None:
    path = tmp_path / "router.db"
    await (await Store.open(path)).close()
    assert "has no job 'video_9'" in await said("video_9", "--db", str(path), exit_code=2)
    assert "does not exist" in await said("video_9", "--db", str(tmp_path / "no.db"), exit_code=2)
