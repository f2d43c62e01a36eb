"""`video-router jobs`: the list read from a file, and the orders that reach a listener."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner, Result

from router.cli import cli
from router.engine.store import Store
from tests.listening import answering
from tests.store.lives import delivered, lost, running, started, the_job

COMMAND = CliRunner()
ANSWER = {
    "object": "attempt.resolution",
    "id": "video_1-1",
    "job": "video_1",
    "provider": "alpha",
    "state": "failed",
    "remote_id": None,
}


def run(*arguments: str) -> Result:
    return COMMAND.invoke(cli, ["jobs", *arguments], env={"COLUMNS": "120"})


@contextmanager
def a_router(answer: dict[str, Any], status: int = 200) -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """Answer every order alike, and keep what was ordered."""
    with answering(status, orjson.dumps(answer)) as found:
        yield found


async def a_lost_submit(path: Path) -> None:
    store = await Store.open(path)
    try:
        await delivered(store, *await running(store, await store.add_job(the_job(1))))
        await lost(store, *await started(store, await store.add_job(the_job(2))))
        await running(store, await store.add_job(the_job(3)))
    finally:
        await store.close()


async def test_unknown_lists_what_nobody_knows_the_cost_of_and_says_how_to_resolve_it(tmp_path: Path) -> None:
    path = tmp_path / "router.db"
    await a_lost_submit(path)
    listed = run("unknown", "--db", str(path))
    assert listed.exit_code == 0
    assert "video_2-1" in listed.output
    assert "video_1-1" not in listed.output
    assert "video_3-1" not in listed.output
    assert "harbour" not in listed.output
    assert "video-router jobs resolve ATTEMPT" in listed.output
    assert "video_3-1" in run("unknown", "--all", "--db", str(path)).output
    document = orjson.loads(run("unknown", "--json", "--db", str(path)).output)
    assert [each["id"] for each in document["attempts"]] == ["video_2-1"]
    assert document["providers"][0]["amount_microusd"] == 100_000


async def test_nothing_unknown_is_said_so(tmp_path: Path) -> None:
    path = tmp_path / "router.db"
    await (await Store.open(path)).close()
    assert run("unknown", "--db", str(path)).output == "no money is uncertain\n"
    assert run("unknown", "--all", "--db", str(path)).output == "no money is open\n"
    assert orjson.loads(run("unknown", "--json", "--db", str(path)).output) == {"attempts": [], "providers": []}


@pytest.mark.parametrize("content", [None, b"no database"])
def test_a_file_that_is_no_routers_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "x.db"
    if content is not None:
        path.write_bytes(content)
    result = run("unknown", "--db", str(path))
    assert result.exit_code == 2
    assert str(path) in result.output.replace("\n", "")


@pytest.mark.parametrize(
    ("said", "order", "money", "line"),
    [
        (
            ["--found", "task_42"],
            {"found": "task_42"},
            {"booked": None, "amount_microusd": 120_000, "remote_id": "task_42"},
            "video_1-1: found: asked about under task_42 until its money is known",
        ),
        (
            ["--not-found"],
            {"not_found": True},
            {"booked": "voided", "amount_microusd": 120_000},
            "video_1-1: voided, 0.12 USD released",
        ),
        (
            ["--billed"],
            {"billed": True},
            {"booked": "posted", "amount_microusd": 120_000, "cost_kind": "failed_billed"},
            "video_1-1: posted 0.12 USD as failed_billed",
        ),
        (
            ["--billed", "0.10"],
            {"billed": "0.10"},
            {"booked": "posted", "amount_microusd": 100_000, "cost_kind": "failed_billed"},
            "video_1-1: posted 0.10 USD as failed_billed",
        ),
    ],
)
def test_each_resolution_is_ordered_and_its_outcome_is_one_line(
    said: list[str], order: dict[str, object], money: dict[str, object], line: str
) -> None:
    for arguments in (["video_1", *said], [*said, "video_1"]):
        with a_router({**ANSWER, **money}) as (url, asked):
            result = run("resolve", "--admin", url, *arguments)
        assert (result.exit_code, result.output) == (0, line + "\n")
        assert [(path, orjson.loads(body)) for path, body in asked] == [
            ("/admin/attempts/resolve", {"id": "video_1", **order})
        ]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ([], "say one of --found REMOTE_ID, --not-found and --billed"),
        (["--not-found", "--billed"], "say one of --found REMOTE_ID, --not-found and --billed"),
        (["--found", "x", "--billed", "1"], "say one of --found REMOTE_ID, --not-found and --billed"),
        (["--found", "--not-found"], "needs the provider's id of the job; --not-found is none"),
        (["--billed", "much"], "'much' is not an amount of money"),
        (["--billed=-1"], "0 or more"),
    ],
)
def test_an_order_that_is_not_exactly_one_never_leaves(said: list[str], words: str) -> None:
    with a_router(ANSWER) as (url, asked):
        result = run("resolve", "--admin", url, "video_1", *said)
    assert result.exit_code == 2
    assert words in " ".join(result.output.replace("│", " ").split())
    assert asked == []


def test_what_the_router_refuses_is_told_in_its_words() -> None:
    refusal = {"error": {"message": "no money of video_1 is uncertain: video_1-1 is succeeded", "code": "x"}}
    with a_router(refusal, 409) as (url, _):
        result = run("resolve", "--admin", url, "video_1", "--not-found")
    assert (result.exit_code, result.output) == (2, f"{refusal['error']['message']}\n")


def test_without_a_router_it_says_to_start_one() -> None:
    result = run("resolve", "--admin", "http://127.0.0.1:1", "video_1", "--not-found")
    assert result.exit_code == 2
    assert "start the router" in result.output


@pytest.mark.parametrize("answer", [{}, {"id": "video_1-1", "booked": "x", "amount_microusd": 1}])
def test_an_answer_of_something_else_says_to_look(answer: dict[str, Any]) -> None:
    with a_router(answer) as (url, _):
        result = run("resolve", "--admin", url, "video_1", "--not-found")
    assert result.exit_code == 2
    assert "video-router jobs unknown" in result.output
