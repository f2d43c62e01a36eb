"""Let every fault happen to many jobs of every dialect: `python -m tests.faults [--jobs N]`."""

import argparse
import multiprocessing
import sys
import time
from collections.abc import Iterable
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any, Final

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
    console = Console(width=_WIDTH)
    # A look for a lost submit reads a list as long as there are jobs.
    looked_for = max(1, given.jobs // LESS_WITH_LOOKUP)
    began = time.monotonic()
    with ProcessPoolExecutor(given.processes, multiprocessing.get_context("spawn")) as pool:
        parts: dict[Future[Any], str] = {pool.submit(run, terms, given.jobs): str(terms) for terms in TERMS}
        parts |= {pool.submit(run, terms, looked_for): str(terms) for terms in TERMS_WITH_LOOKUP}
        parts |= {pool.submit(run_success, each, given.success_jobs): str(each) for each in WEATHERS}
        for part in as_completed(parts):
            part.result()
            console.print(f"{parts[part]}: done after {time.monotonic() - began:.0f} s", highlight=False)
            _write(given.output, _results(parts))
    complaints = _write(given.output, _results(parts))
    rows, successes = _results(parts)
    console.print(table(rows), success_table(successes))
    jobs = sum(row.jobs for row in rows) + sum(each.figures.jobs for each in successes)
    took_s = time.monotonic() - began
    console.print(f"{jobs} jobs in {took_s:.0f} s; all figures: {given.output / 'faults.json'}", highlight=False)
    if not complaints:
        console.print("no promise was broken")
    for complaint in complaints:
        console.print(f"broken: {complaint}", style="red", markup=False)
    return 1 if complaints else 0


def _results(parts: Iterable[Future[Any]]) -> tuple[list[Figures], list[Success]]:
    """Return what is done so far, in order."""
    results = [part.result() for part in parts if part.done()]
    rows = [row for each in results if isinstance(each, list) for row in each]
    return rows, [each for each in results if isinstance(each, Success)]


def _write(output: Path, results: tuple[list[Figures], list[Success]]) -> list[str]:
    """Keep the figures, and return every promise that they break."""
    rows, successes = results
    complaints = [text for row in (*rows, *(each.figures for each in successes)) for text in row.complaints()]
    complaints += [
        f"{each.share:.2%} of jobs under failover succeeded; at least {SHARE_MIN:.1%} must"
        for each in successes
        if each.figures.on_ambiguous == "failover" and each.share < SHARE_MIN
    ]
    document = {
        "complaints": complaints,
        "cells": [row.document() for row in rows],
        "success": [each.document() for each in successes],
    }
    (output / "faults.json").write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))
    return complaints


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
