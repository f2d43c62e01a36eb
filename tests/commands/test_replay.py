"""`video-router replay` on the file of a router that worked before real sandboxes, and on a journal of it."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from typer.testing import CliRunner, Result

from router.cli import cli
from tests.rig import a_rig
from tests.simulation.test_journal import a_recorded_job, written

COMMAND = CliRunner()
JOBS = 24


def run(*arguments: str) -> Result:
    return COMMAND.invoke(cli, ["replay", *arguments], env={"COLUMNS": "140"})


def replayed(*arguments: str) -> dict[str, Any]:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    document: dict[str, Any] = orjson.loads(result.stdout)
    return document


async def a_morning(folder: Path) -> Path:
    """Two dozen videos, while the cheapest provider fails every third of what it accepts."""
    async with a_rig(folder, "jizhiai", "shenma") as rig:
        await rig.sandboxes["jizhiai"].set_faults([{"fault": "fail_at_95", "share": 0.3}])
        await asyncio.gather(*(rig.made(prompt="a secret harbour") for _ in range(JOBS)))
        return rig.database


async def test_replaying_with_the_same_file_comes_close_to_what_happened(tmp_path: Path) -> None:
    database, config = await a_morning(tmp_path), str(tmp_path / "router.yaml")
    found = replayed("--config", config, "--db", str(database))
    happened, again = found["happened"], found["replayed"]
    assert happened["jobs"] == again["jobs"] == JOBS
    assert abs(again["delivered"] - happened["delivered"]) <= 2
    assert again["paid_microusd"] == pytest.approx(happened["paid_microusd"], rel=0.1)
    journal = tmp_path / "journal.jsonl"
    journal.write_bytes(COMMAND.invoke(cli, ["journal", "--db", str(database)]).stdout_bytes)
    assert replayed("--config", config, "--journal", str(journal)) == found
    told = run("--config", config, "--journal", str(journal)).output
    for words in ("What the same jobs come to", "Spend by provider", "What the replay rests on", "are as recorded"):
        assert words in told
    assert "secret" not in told + journal.read_text()


async def test_another_price_is_paid_in_the_replay_only(tmp_path: Path) -> None:
    database, config = await a_morning(tmp_path), tmp_path / "router.yaml"
    document = yaml.safe_load(config.read_text())
    document["providers"]["shenma"]["offerings"][0]["price"] = {"per_clip": "0.01"}
    config.write_text(yaml.safe_dump(document))
    found = replayed("--config", str(config), "--db", str(database), "--since", "1h")
    shenma = found["replayed"]["providers"]["shenma"]
    assert shenma["paid_microusd"] == 10_000 * shenma["delivered"] > 0
    assert found["replayed"]["paid_microusd"] < found["happened"]["paid_microusd"]


def test_a_picture_is_drawn_where_it_is_wanted_and_can_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal, picture = written(tmp_path, a_recorded_job(model="sora-2", seconds=10)), tmp_path / "replay.png"
    plain = ("--config", "config/router.yaml", "--journal", str(journal), "--plot")
    assert run(*plain, str(picture)).exit_code == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    nowhere = run(*plain, str(tmp_path / "gone" / "replay.png"))
    assert nowhere.exit_code == 2
    assert "cannot be written" in nowhere.output
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    without = run(*plain, str(picture))
    assert without.exit_code == 2
    assert "video-router[plot]" in without.output


def test_a_file_without_a_job_that_ended_is_told(tmp_path: Path) -> None:
    journal = written(tmp_path)
    result = run("--config", "config/demo.yaml", "--journal", str(journal))
    assert result.exit_code == 2
    assert "no job that has ended" in result.output
    assert "--since" not in result.output
    late = run("--config", "config/demo.yaml", "--journal", str(written(tmp_path, a_recorded_job())), "--since", "1m")
    assert "--since leaves out those from before" in late.output


def test_what_is_wrong_with_a_file_is_said_by_its_own_reader(tmp_path: Path) -> None:
    journal = written(tmp_path, a_recorded_job())
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("providers: 7\n")
    for arguments, words in (
        (["--config", str(wrong), "--journal", str(journal)], "wrong.yaml"),
        (["--config", "config/demo.yaml", "--journal", str(wrong)], "is no journal"),
        (["--config", "config/demo.yaml", "--db", str(tmp_path / "gone.db")], "does not exist"),
    ):
        result = run(*arguments)
        assert result.exit_code == 2
        assert words in result.output


def test_no_key_is_needed_where_nobody_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("JIZHIAI_API_KEY", "SHENMA_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    journal = written(tmp_path, a_recorded_job(model="sora-2", seconds=10))
    assert run("--config", "config/router.yaml", "--journal", str(journal)).exit_code == 0
