"""Kill the router a few hundred times, and let it find 10,000 jobs: `python -m tests.crash [rounds | recovery]`."""

import argparse
import asyncio
import os
import shutil
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

from rich.console import Console
from rich.progress import track

from tests.crash.figures import recovery_table, rounds_table
from tests.crash.recovery import JOBS, recovered
from tests.crash.rounds import rounds

ROUNDS = int(os.environ.get("CRASH_ROUNDS", "200"))
SEED = int(os.environ.get("CRASH_SEED") or time.time_ns() % 1_000_000)
WATCHED_S = 20.0
OUTPUT = Path("crash-output")


def main() -> int:
    """Run what is asked for; 1 when something was lost, bought twice or did not add up."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("what", nargs="?", choices=("rounds", "recovery"), help="only this (default: both)")
    asked = parser.parse_args().what
    console = Console(width=None if sys.stdout.isatty() else 120)
    try:
        if asked != "recovery":
            asyncio.run(_rounds(console))
        if asked != "rounds":
            asyncio.run(_recovery(console))
    except AssertionError as error:
        console.print(str(error), style="red", markup=False, highlight=False)
        return 1
    return 0


async def _rounds(console: Console) -> None:
    """Kill and reconcile; a round that goes wrong leaves its files for whoever looks into it."""
    console.print(f"seed {SEED}, {ROUNDS} rounds")
    OUTPUT.mkdir(exist_ok=True)
    folder, began_at = Path(mkdtemp(dir=OUTPUT, prefix="rounds-")).absolute(), time.monotonic()
    async with rounds(folder, SEED) as run:
        try:
            for _ in track(range(ROUNDS), "killing", console=console, disable=not console.is_terminal):
                await run.one()
            ledger, books = await run.ended()
        except AssertionError as error:
            again = f"CRASH_SEED={SEED} CRASH_ROUNDS={run.tally.rounds}"
            raise AssertionError(f"{again}, round {run.tally.rounds}, files in {folder}:\n{error}") from None
    console.print(rounds_table(run.tally, ledger, books))
    console.print(f"nothing lost, nothing bought twice, the books agree; {time.monotonic() - began_at:.0f} s")
    shutil.rmtree(folder)


async def _recovery(console: Console) -> None:
    OUTPUT.mkdir(exist_ok=True)
    with TemporaryDirectory(dir=OUTPUT, prefix="recovery-") as folder:
        console.print(recovery_table(await recovered(Path(folder).absolute(), JOBS, watched_s=WATCHED_S)))


if __name__ == "__main__":
    sys.exit(main())
