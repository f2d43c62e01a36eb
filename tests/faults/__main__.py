"""Let every fault happen to many jobs of every dialect: `python -m tests.faults [--jobs N]`."""

import argparse
import multiprocessing
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Final

import orjson
from rich.console import Console

from tests.faults.cells import TERMS, TERMS_WITH_LOOKUP
from tests.faults.figures import Figures, table
from tests.faults.ground import run
from tests.faults.success import WEATHERS, Success, run_success, success_table

LESS_WITH_LOOKUP: Final = 5
SHARE_MIN: Final = 0.995
_WIDTH: Final = 230


def main() -> int:
    """Run all cells, and measure how many jobs succeed; 1 when a promise was broken."""
    given = _arguments()
    given.output.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    # A look for a lost submit reads a list as long as there are jobs.
    looked_for = max(1, given.jobs // LESS_WITH_LOOKUP)
    with ProcessPoolExecutor(given.processes, multiprocessing.get_context("spawn")) as pool:
        grounds = [pool.submit(run, terms, given.jobs) for terms in TERMS]
        grounds += [pool.submit(run, terms, looked_for) for terms in TERMS_WITH_LOOKUP]
        markets = [pool.submit(run_success, weather, given.success_jobs) for weather in WEATHERS]
        rows = [row for ground in grounds for row in ground.result()]
        successes = [market.result() for market in markets]
    return _report(given, rows, successes, time.monotonic() - began)


def _report(given: argparse.Namespace, rows: Sequence[Figures], successes: Sequence[Success], took_s: float) -> int:
    complaints = [text for row in (*rows, *(each.figures for each in successes)) for text in row.complaints()]
    complaints += [
        f"{each.share:.2%} of jobs under failover succeeded; at least {SHARE_MIN:.1%} must"
        for each in successes
        if each.figures.on_ambiguous == "failover" and each.share < SHARE_MIN
    ]
    document = {
        "about": {"jobs_per_cell": given.jobs, "took_s": round(took_s, 1), "complaints": complaints},
        "cells": [row.document() for row in rows],
        "success": [each.document() for each in successes],
    }
    (given.output / "faults.json").write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))
    console = Console(width=_WIDTH)
    console.print(table(rows), success_table(successes))
    jobs = sum(row.jobs for row in rows) + sum(each.figures.jobs for each in successes)
    console.print(f"{jobs} jobs in {took_s:.0f} s; all figures: {given.output / 'faults.json'}")
    for complaint in complaints:
        console.print(f"broken: {complaint}", style="red", markup=False)
    return 1 if complaints else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--jobs", type=int, default=1000, help="jobs of each cell (default: %(default)s)")
    parser.add_argument(
        "--success-jobs", type=int, default=2000, help="jobs of each measurement (default: %(default)s)"
    )
    parser.add_argument("--processes", type=int, default=2, help="routers side by side (default: %(default)s)")
    parser.add_argument("--output", type=Path, default=Path("faults-output"), help="folder for faults.json")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
