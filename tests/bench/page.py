"""The page of a run, and its way into README.md: `python -m tests.bench.page [bench-output/bench.md]`."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bench.machine import Machine
from tests.bench.part import Part, Report
from tests.bench.sheets import goals_sheet

README: Final = Path(__file__).parent / "README.md"
BEGIN: Final = "<!-- figures of one run: python -m tests.bench.page puts them here -->"
END: Final = "<!-- end of the figures -->"
_FOLDER: Final = "bench-output"


@dataclass(frozen=True, slots=True)
class Finding:
    """A part that ran, what it found, and how long that took."""

    part: Part
    report: Report
    took_s: float


def page(findings: Sequence[Finding], machine: Machine, took_s: float, rounds: int) -> str:
    """Write all figures of a run for people, as a chapter of a longer page."""
    goals = [goal for finding in findings for goal in finding.report.goals]
    often = "one round" if rounds == 1 else f"{rounds} rounds"
    introduction = (
        f"One run on {machine.date}, {often} in {took_s / 60:.0f} minutes: {machine.sentence()}. "
        "Medians; in brackets the least and the most of any round.\n"
    )
    chapters = [introduction, *([goals_sheet(goals).markdown()] if goals else [])]
    chapters += [f"### {finding.part.title}\n\n{finding.report.markdown}" for finding in findings]
    complaints = [complaint for finding in findings for complaint in finding.report.complaints]
    chapters += [f"Worthless: {complaint}.\n" for complaint in complaints]
    return "\n".join(chapters)


def put(text: str, into: str) -> str:
    """Replace what stands between the marks."""
    before, begin, rest = into.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{README.name} lacks the lines {BEGIN!r} and {END!r}")
    return f"{before}{BEGIN}\n\n{text.strip()}\n\n{END}{after}"


def main() -> int:
    """Put the page of a run into README.md."""
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(_FOLDER) / "bench.md"
    README.write_text(put(source.read_text(), README.read_text()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
