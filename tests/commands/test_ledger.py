"""`video-router ledger`, beside a router that goes on buying meanwhile."""

import asyncio
from pathlib import Path

import orjson
import pytest
from aiohttp import ClientSession
from typer.testing import CliRunner, Result

from router.cli import cli
from tests.rig import Rig, a_rig

COMMAND = CliRunner()


async def said(*arguments: str, exit_code: int = 0) -> str:
    result: Result = await asyncio.to_thread(COMMAND.invoke, cli, ["ledger", *arguments], env={"COLUMNS": "120"})
    assert result.exit_code == exit_code, result.output
    return result.output.strip()


async def adjusted(rig: Rig, attempt_id: str, to: str, note: str = "invoice 7", exit_code: int = 0) -> str:
    arguments = ("adjust", attempt_id, "--to", to, "--note", note, "--admin", rig.router.admin_url)
    return await said(*arguments, exit_code=exit_code)


async def test_a_file_is_sound_at_every_moment_of_a_routers_life(tmp_path: Path) -> None:
    async with a_rig(tmp_path) as rig:
        await rig.sandboxes["jizhiai"].set_faults([{"fault": "http_503", "share": 0.4}])
        videos = asyncio.gather(*(rig.made(prompt=f"a boat, take {number}") for number in range(24)))
        looks = 0
        while not videos.done():
            document = orjson.loads(await said("verify", "--db", str(rig.database), "--json"))
            assert (document["errors"], document["warnings"]) == (0, 0)
            looks += 1
            await asyncio.sleep(0.05)
        await videos
        assert looks > 1
        assert "24 jobs" in await said("verify", "--db", str(rig.database))


async def test_what_the_invoice_says_is_booked_shown_and_sound(tmp_path: Path) -> None:
    async with a_rig(tmp_path, "jizhiai") as rig:
        video = await rig.made()
        attempt_id = f"{video.id}-1"
        assert await adjusted(rig, attempt_id, "0.10") == f"{attempt_id}: 0.12 USD are 0.10 USD now, as delivered"
        assert [row.posted_microusd for row in rig.rows()] == [100_000]
        async with ClientSession() as http, http.get(f"{rig.router.admin_url}/metrics") as response:
            assert 'video_router_adjusted_usd{provider="jizhiai"} -0.02' in await response.text()
        assert orjson.loads(rig.log.getvalue().splitlines()[-1])["event"] == "ledger_adjusted"
        for named in (video.id, attempt_id):
            entries = orjson.loads(await said("show", named, "--db", str(rig.database), "--json"))["entries"]
            assert [(each["kind"], each["amount_microusd"], each["note"]) for each in entries] == [
                ("pending", 120_000, None),
                ("posted", 120_000, None),
                ("adjusted", -20_000, "invoice 7"),
            ]
        assert "invoice 7" in await said("show", video.id, "--db", str(rig.database))
        assert "has no entry of" in await said("show", "video_0", "--db", str(rig.database), exit_code=2)
        assert "is booked at 0.10 USD already" in await adjusted(rig, attempt_id, "0.1", exit_code=2)
        assert "there is no attempt" in await adjusted(rig, f"{video.id}-2", "0.1", exit_code=2)
        assert "say why" in await adjusted(rig, attempt_id, "1", "\t", exit_code=2)
        assert "not an amount" in await adjusted(rig, attempt_id, "much", exit_code=2)
        assert "all invariants hold" in await said("verify", "--db", str(rig.database))


@pytest.mark.parametrize("option", ["--to", "--note"])
def test_a_correction_says_how_much_and_why(option: str) -> None:
    arguments = {"--to": "1", "--note": "why"}
    del arguments[option]
    flat = [word for pair in arguments.items() for word in pair]
    result = COMMAND.invoke(cli, ["ledger", "adjust", "video_1-1", *flat])
    assert (result.exit_code, option in result.output) == (2, True)
