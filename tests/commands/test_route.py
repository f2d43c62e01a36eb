"""`video-router route`: asked of a router that runs, and decided by a file."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import ClientSession
from typer.testing import CliRunner, Result

from router.cli import cli
from tests.config.files import ENVIRON, SOUND
from tests.listening import answering
from tests.rig import a_rig

COMMAND = CliRunner()
ASKED = ("--prompt", "a paper boat", "--seconds", "10", "--size", "720x1280")


def run(*arguments: str) -> Result:
    return COMMAND.invoke(cli, ["route", *arguments], env={"COLUMNS": "140", **ENVIRON})


async def said(*arguments: str) -> Result:
    return await asyncio.to_thread(run, *arguments)


async def test_it_prints_what_a_quote_of_the_running_router_decides(tmp_path: Path) -> None:
    async with a_rig(tmp_path) as rig:
        admin = ("--admin", rig.router.admin_url)
        await rig.made()
        shown = await said(*ASKED, *admin)
        answer = orjson.loads((await said(*ASKED, *admin, "--json")).output)
        body = {"prompt": "a paper boat", "seconds": 10, "size": "720x1280"}
        async with ClientSession() as http, http.post(f"{rig.router.url}/v1/videos/quote", json=body) as response:
            quote = await response.json()
    assert shown.exit_code == 0, shown.output
    # Its offerings are named alike, and nobody but the price tells them apart: the cheapest is the first.
    assert answer["order"][0] == quote["order"][0] == "jizhiai/sora-2"
    assert {each["offering"]: each["quote_microusd"] for each in answer["candidates"]} == {
        each["offering"]: each["quote_microusd"] for each in quote["candidates"]
    }
    delivered = next(each for each in answer["candidates"] if each["outcomes"])
    assert delivered["success_low"] > 0.8
    assert "jizhiai/sora-2 is first: " in shown.output
    assert "expected: 0.1200 USD for a delivered video, at 0.12 USD an attempt" in shown.output
    assert "shenma/sora-2 would be first below 0." in shown.output
    assert "jizhiai/sora-2 would no longer be first above 0." in shown.output
    assert rig.rows()[0].posted_microusd == 120_000
    assert len(rig.rows()) == 1


@pytest.mark.parametrize(
    ("arguments", "body"),
    [
        ((), {"prompt": "a paper boat on a river"}),
        (
            (*ASKED, "--model", "m", "--image", "https://a.example/1.png", "--image", "https://a.example/2.png"),
            {
                "prompt": "a paper boat",
                "model": "m",
                "seconds": 10,
                "size": "720x1280",
                "images": ["https://a.example/1.png", "https://a.example/2.png"],
            },
        ),
        (
            ("--only", "a, b", "--ignore", "c", "--order", "b,a", "--sort", "price", "--models", "m,n"),
            {
                "prompt": "a paper boat on a river",
                "routing": {"only": ["a", "b"], "ignore": ["c"], "order": ["b", "a"], "models": ["m", "n"]}
                | {"sort": "price"},
            },
        ),
        (
            ("--max-price-usd", "0.5", "--deadline-s", "900", "--caller", "studio"),
            {
                "prompt": "a paper boat on a river",
                "routing": {"max_price_usd": "0.5", "deadline_s": 900.0},
                "caller": "studio",
            },
        ),
    ],
)
def test_each_option_is_a_field_of_the_question(arguments: Sequence[str], body: dict[str, Any]) -> None:
    with answering(200, b"{}") as (url, asked):
        result = run(*arguments, "--admin", url)
    assert [(path, orjson.loads(sent)) for path, sent in asked] == [("/admin/route", body)]
    assert result.exit_code == 2
    assert "answers with something else than a decision" in result.output


def test_what_the_router_refuses_is_told_in_its_words() -> None:
    with answering(400, orjson.dumps({"error": {"message": "seconds must be a whole number"}})) as (url, _):
        result = run("--admin", url)
    assert (result.exit_code, result.output) == (2, "seconds must be a whole number\n")


def test_a_file_decides_without_a_router_and_says_what_it_does_not_know(tmp_path: Path) -> None:
    file = tmp_path / "router.yaml"
    file.write_text(SOUND)
    result = run("--config", str(file), *ASKED)
    assert result.exit_code == 0, result.output
    assert "relay-a/sora-2 is first: nobody else can take it" in result.output
    assert "decided by the file alone" in result.output
    plain = run("--config", str(file), *ASKED, "--json")
    assert orjson.loads(plain.stdout)["candidates"][0]["outcomes"] == 0
    assert "decided by the file alone" in plain.stderr
    assert sorted(tmp_path.iterdir()) == [file]


def test_that_nobody_can_take_it_is_an_exit_code_and_every_reason(tmp_path: Path) -> None:
    file = tmp_path / "router.yaml"
    file.write_text(SOUND)
    result = run("--config", str(file), "--seconds", "7")
    assert result.exit_code == 1
    assert "nobody can take it" in result.output
    assert "sells 10, 15 seconds" in result.output
    for wrong, words in (
        (("--only", "relay-x"), "routing.only names 'relay-x', which is none of: relay-a"),
        (("--size", "big"), "size"),
        (("--caller", "stranger"), "caller must be one of: anonymous"),
    ):
        result = run("--config", str(file), *wrong)
        assert (result.exit_code, words in result.output) == (2, True), result.output


def test_a_file_that_is_wrong_is_refused_with_every_problem(tmp_path: Path) -> None:
    file = tmp_path / "router.yaml"
    file.write_text(SOUND.replace("seconds: [10, 15]", "seconds: []"))
    result = run("--config", str(file))
    assert result.exit_code == 2
    assert "router.yaml:12: providers.relay-a.offerings[0].seconds" in result.output
