"""`video-router providers`, before a router that runs."""

import asyncio
from pathlib import Path

import orjson
import pytest
from aiohttp import ClientSession
from typer.testing import CliRunner, Result

from router.cli import cli
from tests.listening import answering
from tests.rig import a_rig

COMMAND = CliRunner()
ANSWER = {"object": "provider.drain", "provider": "relay-a", "drained": True, "in_flight": 3}


def run(*arguments: str) -> Result:
    return COMMAND.invoke(cli, ["providers", *arguments], env={"COLUMNS": "120"})


async def said(*arguments: str, exit_code: int = 0) -> str:
    result = await asyncio.to_thread(run, *arguments)
    assert result.exit_code == exit_code, result.output
    return result.output.strip()


async def test_a_drained_provider_finishes_its_job_and_gets_none_until_it_is_resumed(tmp_path: Path) -> None:
    # Slow enough to be in flight while it is drained.
    async with a_rig(tmp_path, "jizhiai", "shenma", time_scale=200.0) as rig:
        admin = rig.router.admin_url
        body = {"prompt": "a boat", "model": "sora-2", "seconds": "10", "size": "720x1280"}
        video = await rig.client.videos.create(**body)
        while rig.sandboxes["jizhiai"].books().totals.accepted < 1:
            await asyncio.sleep(0.01)
        assert await said("drain", "jizhiai", "--admin", admin) == (
            "jizhiai is drained: 1 in flight there are finished, and it gets no more\n"
            "a restart forgets this; `drained: true` in the configuration is not forgotten"
        )
        async with ClientSession() as http, http.get(f"{admin}/readyz") as response:
            ready = await response.json()
        assert (response.status, ready["providers"]["jizhiai"]["drained"]) == (200, True)
        assert [line.split()[:2] for line in (await said("--admin", admin)).splitlines()[-2:]] == [
            ["jizhiai", "drained"],
            ["shenma", "yes"],
        ]
        assert (await rig.made()).status == "completed"
        assert (await rig.ended(video.id)).status == "completed"
        assert [row.provider for row in rig.rows()] == ["jizhiai", "shenma"]
        assert await said("--admin", admin, "resume", "jizhiai") == "jizhiai gets jobs again; 0 are in flight there"
        assert (await rig.made()).status == "completed"
        assert [row.provider for row in rig.rows()] == ["jizhiai", "shenma", "jizhiai"]
        document = orjson.loads(await said("--admin", admin, "--json"))
        assert [(each["provider"], each["drained"]) for each in document["providers"]] == [
            ("jizhiai", False),
            ("shenma", False),
        ]
        events = [orjson.loads(line) for line in rig.log.getvalue().splitlines()]
        assert [each["drained"] for each in events if each["event"] == "provider_drained"] == [True, False]
        assert "the providers are: jizhiai, shenma" in await said("drain", "x", "--admin", admin, exit_code=2)


async def test_a_provider_that_the_file_drains_is_resumed_in_the_file(tmp_path: Path) -> None:
    async with a_rig(tmp_path, "jizhiai", "shenma", providers={"jizhiai": {"drained": True}}) as rig:
        admin = rig.router.admin_url
        words = "take `drained: true` out of `providers.jizhiai` there and reload"
        assert words in await said("resume", "jizhiai", "--admin", admin, exit_code=2)
        assert (await rig.made()).status == "completed"
        assert [row.provider for row in rig.rows()] == ["shenma"]


@pytest.mark.parametrize("place", ["before", "behind"])
def test_the_address_may_stand_on_either_side_of_the_order(place: str) -> None:
    with answering(200, orjson.dumps(ANSWER)) as (url, asked):
        admin, order = ("--admin", url), ("drain", "relay-a")
        result = run(*((*admin, *order) if place == "before" else (*order, *admin)))
    assert result.exit_code == 0
    assert [(path, orjson.loads(body)) for path, body in asked] == [
        ("/admin/providers/drain", {"provider": "relay-a", "drained": True})
    ]


def test_without_a_router_it_says_to_start_one() -> None:
    for order in ((), ("drain", "relay-a"), ("resume", "relay-a")):
        result = run("--admin", "http://127.0.0.1:1", *order)
        assert (result.exit_code, "start the router" in result.output) == (2, True)
