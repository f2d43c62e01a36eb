"""`video-router simulate`: tables, JSON and a picture of a scenario."""

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from router.cli import cli

SCENARIO = Path(__file__).parents[2] / "config" / "scenarios" / "free-failures.yaml"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["simulate", *map(str, arguments)])


def test_the_tables_set_every_router_beside_the_oracles() -> None:
    result = run(SCENARIO, "--jobs", 30)
    assert result.exit_code == 0, result.output
    for words in (
        "video-router",
        "round robin, breakers",
        "informed oracle",
        "clairvoyant oracle",
        "Regret",
        "cheapest",
    ):
        assert words in result.output


def test_json_has_what_the_tables_have_and_is_the_same_for_the_same_seed() -> None:
    first, again = (run(SCENARIO, "--jobs", 30, "--seed", 7, "--json").output for _ in range(2))
    assert first == again
    document = json.loads(first)
    assert (document["jobs"], len(document["routers"])) == (30, 9)
    ours = document["routers"][0]
    assert ours["router"] == "video-router"
    assert {"overall", "learning", "learned"} == set(ours["informed"])


def test_a_picture_is_drawn_where_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "picture.png"
    result = run(SCENARIO, "--jobs", 30, "--plot", file)
    assert result.exit_code == 0, result.output
    assert file.read_bytes().startswith(b"\x89PNG")
    assert "cannot be written" in run(SCENARIO, "--jobs", 2, "--plot", tmp_path / "none" / "picture.png").output


def test_without_matplotlib_only_pictures_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = run(SCENARIO, "--jobs", 2, "--plot", "picture.png")
    assert (result.exit_code, "pip install 'video-router[plot]'" in result.output) == (2, True)
    assert run(SCENARIO, "--jobs", 2).exit_code == 0


def test_a_scenario_that_is_none_is_refused_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "scenario.yaml"
    file.write_text(SCENARIO.read_text().replace("success: 0.99", "success: 99"))
    result = run(file)
    assert result.exit_code == 2
    assert "world.truth.dear.success: must be at most 1" in result.output
