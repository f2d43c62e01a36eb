"""The benchmark itself: that it runs, loses no request, and counts right. Never how fast anything is."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.page import BEGIN, END, README, put

REPOSITORY = Path(__file__).parents[2]
# All but the one in virtual time, which test_pacing.py looks into.
PARTS_OF_TIME = "start,content,jobs,requests,inflight,scrapes,decisions"
LOADS = {"create": 2, "retrieve": 2, "list": 2, "quote": 2, "/metrics": 2}


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.bench", *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_quick_benchmark_answers_every_request_and_counts_them_right(tmp_path: Path) -> None:
    quick = run("--quick", "--only", PARTS_OF_TIME, "--output", str(tmp_path))
    assert quick.returncode == 0, quick.stdout + quick.stderr
    document = json.loads((tmp_path / "bench.json").read_text())
    assert document["complaints"] == []
    measured = [row["phase"]["measure"] for row in document["requests"]["phases"]]
    assert {measure: measured.count(measure) for measure in measured} == LOADS
    for row in document["requests"]["phases"]:
        phase, targets = row["phase"], row["targets"]
        alone = phase["measure"] in ("quote", "/metrics")
        assert set(targets) == ({"router"} if alone else {"direct", "router", "pass-through"})
        for target in targets.values():
            assert (target["requests"], target["errors"]) == (phase["requests"], 0)
        assert targets["router"]["upstream"] == (phase["requests"] if phase["measure"] == "create" else 0)
    [row] = document["content"]
    for target in row["targets"].values():
        assert (target["requests"], target["errors"], target["upstream"]) == (8, 0, 8)
    assert row["targets"]["router"]["growth_mib_per_stream"]["most"] < 16
    assert set(document["start"]) == {"router", "pass-through"}
    jobs = {each["target"]: each for each in document["jobs"]}
    assert {name: (each["creates"], each["errors"]) for name, each in jobs.items()} == dict.fromkeys(jobs, (4, 0))
    assert jobs["pass-through"]["polls"] == 4 * 23
    assert 4 <= jobs["router"]["polls"] <= 4 * 60
    assert jobs["router"]["reads"] == 4
    assert [(each["format"], each["scrapes"]) for each in document["scrapes"]] == [("text", 5), ("OpenMetrics", 5)]
    assert all(2_000 < each["series"] <= 3_000 for each in document["scrapes"])
    assert [(each["offerings"], each["candidates"]) for each in document["decisions"]] == [(3, 3), (10, 10), (50, 50)]
    assert "CPU of a request" in quick.stdout
    assert "### A routing decision" in (tmp_path / "bench.md").read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bench.json", "bench.md"]


def test_a_part_that_does_not_exist_is_named_beside_those_that_do(tmp_path: Path) -> None:
    refused = run("--only", "requests,speed", "--output", str(tmp_path))
    assert refused.returncode == 2
    assert "speed: choose from" in refused.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_page_of_a_run_takes_the_place_of_the_one_before() -> None:
    assert put("new", f"a\n{BEGIN}\nold\n{END}\nb") == f"a\n{BEGIN}\n\nnew\n\n{END}\nb"
    with pytest.raises(ValueError, match="lacks the lines"):
        put("new", "no marks")
    put("new", README.read_text())
