"""Measure the router beside a bare aiohttp pass-through and LiteLLM's proxy: `python -m tests.bench [--quick]`."""

import argparse
import asyncio
import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import orjson
from rich.console import Console

from tests.bench import litellm
from tests.bench.fleet import Fleet
from tests.bench.loop import loop_factory
from tests.bench.machine import Machine
from tests.bench.page import Finding, page
from tests.bench.part import Lab, Part
from tests.bench.parts import PARTS
from tests.bench.processes import cores
from tests.bench.sheets import goals_sheet

ROUNDS: Final = 4
_WIDTH_MIN: Final = 150


def main() -> int:
    """Run the benchmark; 1 when a request failed or a count is wrong, whatever the figures are."""
    arguments = _arguments()
    if sys.platform != "linux":
        sys.stderr.write("the benchmark reads CPU time and memory as Linux keeps them; run it on Linux\n")
        return 2
    # So that the servers are ended, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    parts = [part for part in PARTS if part.name in arguments.only]
    rounds = 1 if arguments.quick else arguments.rounds
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(_bench(arguments.output, parts, quick=arguments.quick, rounds=rounds))


def _arguments() -> argparse.Namespace:
    names = [part.name for part in PARTS]
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few requests: shows that all works, and no figures")
    parser.add_argument("--only", type=_names(names), default=names, help=f"parts to run, of {','.join(names)}")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"how often everything is measured ({ROUNDS})")
    parser.add_argument("--output", type=Path, default=Path("bench-output"), help="folder for bench.json and bench.md")
    return parser.parse_args()


class _names:  # noqa: N801 - argparse names it when it complains
    """A list of names with commas, of which all are known."""

    def __init__(self, known: Sequence[str]) -> None:
        self._known = known

    def __call__(self, text: str) -> list[str]:
        names = text.split(",")
        unknown = [name for name in names if name not in self._known]
        if unknown:
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: choose from {', '.join(self._known)}")
        return names


async def _bench(output: Path, parts: Sequence[Part], *, quick: bool, rounds: int) -> int:
    output.mkdir(parents=True, exist_ok=True)
    console = Console()
    if not console.is_terminal:
        console.width = max(console.width, _WIDTH_MIN)
    if not quick and not litellm.installed():
        console.print("LiteLLM is not installed and is left out; `make bench-peers` installs it", highlight=False)
    placed = cores()
    if placed is not None:
        os.sched_setaffinity(0, {placed[1]})
    started = time.monotonic()
    with TemporaryDirectory(dir=output, prefix="run-") as name:
        folder = Path(name).absolute()
        machine = Machine.seen(folder, placed)
        with closing(Fleet(folder, placed[0] if placed else None, quick=quick)) as fleet:
            lab = Lab(folder, placed, rounds, quick, fleet)
            findings = [await _found(console, part, lab) for part in parts]
    took_s = time.monotonic() - started
    _write(output, findings, machine, took_s, rounds=rounds, quick=quick)
    return _conclude(console, findings, machine, output, took_s, rounds=rounds, quick=quick)


async def _found(console: Console, part: Part, lab: Lab) -> Finding:
    began = time.monotonic()
    if part.alone:
        lab.fleet.close()
    report = await part.measure(lab)
    console.print(*report.tables)
    return Finding(part, report, time.monotonic() - began)


def _write(
    output: Path, findings: Sequence[Finding], machine: Machine, took_s: float, *, rounds: int, quick: bool
) -> None:
    parts_s = {finding.part.name: round(finding.took_s, 1) for finding in findings}
    took = {"took_s": round(took_s, 1), "parts_s": parts_s}
    about = {"rounds": rounds, "quick": quick, **took, **machine.document()}
    document = {
        "about": about,
        "goals": [goal.document() for finding in findings for goal in finding.report.goals],
        "complaints": [complaint for finding in findings for complaint in finding.report.complaints],
        **{finding.part.name: finding.report.document for finding in findings},
    }
    (output / "bench.json").write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))
    (output / "bench.md").write_text(page(findings, machine, took_s, rounds))


def _conclude(
    console: Console,
    findings: Sequence[Finding],
    machine: Machine,
    output: Path,
    took_s: float,
    *,
    rounds: int,
    quick: bool,
) -> int:
    """Print what all parts have in common; figures decide nothing."""
    goals = [goal for finding in findings for goal in finding.report.goals]
    wrong = [complaint for finding in findings for complaint in finding.report.complaints]
    if goals and not quick:
        console.print(goals_sheet(goals).table())
    for text in (
        f"medians above the least and the most of {rounds} rounds; all took {took_s:.0f} s",
        machine.sentence(),
        f"all figures: {output / 'bench.json'}; as a page: {output / 'bench.md'}",
    ):
        console.print(text, highlight=False)
    for complaint in wrong:
        console.print(f"worthless: {complaint}", style="red", markup=False)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
