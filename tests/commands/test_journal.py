"""`video-router journal`: recorded jobs on standard output, for a file and from there to anywhere."""

import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from router.cli import cli
from router.engine.store import Store
from router.simulation.journal import read_journal
from tests.store.lives import delivered, running, the_job

COMMAND = CliRunner()


async def two_jobs(path: Path) -> None:
    store = await Store.open(path)
    try:
        await delivered(store, *await running(store, await store.add_job(the_job(1))))
        await store.add_job(the_job(2, created_at=time.time() - 3600))
    finally:
        await store.close()


async def test_a_journal_is_written_and_read_again(tmp_path: Path) -> None:
    path, copy = tmp_path / "router.db", tmp_path / "journal.jsonl"
    await two_jobs(path)
    result = COMMAND.invoke(cli, ["journal", "--db", str(path)])
    assert result.exit_code == 0
    copy.write_bytes(result.stdout_bytes)
    first, second = read_journal(copy)
    assert (first.id, first.posted_microusd, second.id) == ("video_1", 100_000, "video_2")
    assert "harbour" not in result.output


@pytest.mark.parametrize(("since", "jobs"), [("2h", 1), ("30m", 0), ("9999d", 2)])
async def test_a_journal_begins_where_it_is_told_to(tmp_path: Path, since: str, jobs: int) -> None:
    path = tmp_path / "router.db"
    await two_jobs(path)
    result = COMMAND.invoke(cli, ["journal", "--db", str(path), "--since", since])
    assert len(result.stdout.splitlines()) == 1 + jobs


@pytest.mark.parametrize("since", ["7", "d", "0d", "-1d", "1w", "1.5h", ""])
def test_a_period_is_said_in_one_unit(tmp_path: Path, since: str) -> None:
    result = COMMAND.invoke(cli, ["journal", "--db", str(tmp_path / "x.db"), "--since", since])
    assert result.exit_code == 2
    assert "write 90s, 30m, 12h or 7d" in result.output


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    result = COMMAND.invoke(cli, ["journal", "--db", str(tmp_path / "gone.db")])
    assert result.exit_code == 2
    assert "does not exist" in result.output
