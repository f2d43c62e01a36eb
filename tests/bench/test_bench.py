"""The benchmark itself: that it runs, loses no request, and counts right. Never how fast anything is."""

import json
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


def test_a_quick_benchmark_answers_every_request_and_counts_them_right(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "tests.bench", "--quick", "--output", str(tmp_path)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    document = json.loads((tmp_path / "bench.json").read_text())
    assert document["complaints"] == []
    assert [(row["phase"]["measure"], row["phase"]["concurrency"]) for row in document["rows"]] == [
        (measure, concurrency) for measure in ("create", "retrieve", "content") for concurrency in (16, 1)
    ]
    for row in document["rows"]:
        for server in (row["router"], row["passthrough"]):
            assert (server["requests"], server["errors"]) == (row["phase"]["requests"], 0)
        asked_upstream = 0 if row["phase"]["measure"] == "retrieve" else row["phase"]["requests"]
        assert row["router"]["upstream"] == asked_upstream
        assert row["passthrough"]["upstream"] == row["phase"]["requests"]
    assert [(each["format"], each["scrapes"]) for each in document["scrapes"]] == [("text", 5), ("OpenMetrics", 5)]
    assert all(2_000 < each["series"] <= 3_000 for each in document["scrapes"])
    assert [(each["offerings"], each["candidates"]) for each in document["decisions"]] == [(3, 3), (10, 10), (50, 50)]
    assert "one routing decision between offerings of 10 providers" in run.stdout
    assert "the router beside a bare aiohttp pass-through" in run.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["bench.json"]
