"""What must be true of the router under any fault and at any crash point, and of the simulator itself."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.simulator.simulation import simulate

ROOT = Path(__file__).parents[2]


def command(*options: str, hash_seed: str = "0") -> subprocess.CompletedProcess[str]:
    """Run the simulator as `make simulate` does."""
    line = [sys.executable, "-m", "tests.simulator", *options]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    return subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)


def test_every_invariant_holds_in_each_of_200_seeds() -> None:
    run = command("--seeds", "200")

    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-3000:]
    summary = run.stdout.splitlines()[-1]
    assert re.match(r"200 seeds, \d+ steps, [\d.]+ virtual hours: \d+ jobs, \d+ purchases, \d+ crashes, ", summary)


def test_a_seed_is_the_same_in_every_process() -> None:
    digests = [command("--seeds", "6", "--workers", "1", hash_seed=seed).stdout.splitlines()[:6] for seed in "12"]

    assert len(digests[0]) == 6
    assert digests[0] == digests[1]


def test_seeds_crash_stop_reload_and_buy_again() -> None:
    counts = [simulate(seed).counts for seed in range(12)]

    for what in ("jobs", "purchases", "crashes", "stops", "videos", "completed", "failed", "lookups", "hints"):
        assert sum(each.get(what, 0) for each in counts) > 0, what
