"""`video-router report` on the file of a router that runs."""

from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from router.cli import cli
from tests.rig import a_rig

COMMAND = CliRunner()


def reported(database: Path, *options: str) -> str:
    result = COMMAND.invoke(cli, ["report", "--db", str(database), *options], env={"COLUMNS": "120"})
    assert result.exit_code == 0, result.output
    return result.output


async def test_a_failover_is_told_to_people_and_to_programs(tmp_path: Path) -> None:
    async with a_rig(tmp_path, "jizhiai", "shenma") as rig:
        await rig.sandboxes["jizhiai"].set_faults([{"fault": "refuse_connect"}])
        video = await rig.made()
        document = orjson.loads(reported(rig.database, "--json"))
        tables = reported(rig.database, "--jobs", "--callers", "--models")
    (job,) = document["jobs"]
    assert (job["id"], job["posted_microusd"]) == (video.id, 150_000)
    assert [(step["provider"], step["reason"]) for step in job["route"]] == [
        ("jizhiai", "unreachable"),
        ("shenma", None),
    ]
    assert [each["attempts"] for each in document["providers"]] == [1, 1]
    (caller,) = document["callers"]
    assert (caller["caller"], caller["jobs"], caller["posted_microusd"]) == ("anonymous", 1, 150_000)
    for words in (
        "Jobs and the way they went",
        "Providers side by side",
        "Callers side by side",
        "Models side by side",
        "Where attempts failed",
        "submit.unreachable",
    ):
        assert words in tables


async def test_nothing_made_is_nothing_told(tmp_path: Path) -> None:
    async with a_rig(tmp_path, "jizhiai") as rig:
        assert orjson.loads(reported(rig.database, "--json")) == {
            "providers": [],
            "models": [],
            "callers": [],
            "jobs": [],
        }
        assert "no attempt" in reported(rig.database, "--jobs")


@pytest.mark.parametrize("content", [None, b"no database"])
def test_a_file_that_is_no_routers_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "x.db"
    if content is not None:
        path.write_bytes(content)
    result = COMMAND.invoke(cli, ["report", "--db", str(path)])
    assert result.exit_code == 2
    assert str(path) in result.output.replace("\n", "")
