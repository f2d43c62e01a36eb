"""What it takes to be there: from the start of an empty server to its first answer, and the memory it has then."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.figures import Spread
from tests.bench.fleet import Started
from tests.bench.part import Lab, Report
from tests.bench.sheets import Goal, Sheet, cell
from tests.bench.targets import ROUTER


async def measure(lab: Lab) -> Report:
    """Start everybody; the router and the pass-through once more in each round, each on an empty disk."""
    await lab.fleet.targets()
    taken = {name: [started] for name, started in lab.fleet.started.items()}
    for _ in range(0 if lab.quick else lab.rounds):
        with TemporaryDirectory(dir=lab.folder) as folder, ExitStack() as stack:
            for start in (lab.fleet.start_router, lab.fleet.start_passthrough):
                server = await start(stack, Path(folder))
                taken[server.name].append(lab.fleet.started[server.name])
    document = {name: [asdict(started) for started in each] for name, each in taken.items()}
    start_s, rss_mib = _start_s(taken[ROUTER]), _rss_mib(taken[ROUTER])
    goals = [
        Goal("start of an empty router to its first answer", start_s, 1.5, "s"),
        Goal("memory of an empty router", rss_mib, 80, "MiB", digits=1),
    ]
    return Report.of([_sheet(taken)], document, goals=goals)


def _sheet(taken: Mapping[str, Sequence[Started]]) -> Sheet:
    rows = tuple(
        (name, str(len(each)), cell(_start_s(each), 2), cell(_rss_mib(each), 1)) for name, each in taken.items()
    )
    headings = ("server", "starts", "first answer after s", "resident MiB then")
    return Sheet("an empty server", headings, rows)


def _start_s(taken: Sequence[Started]) -> Spread:
    return Spread.of(each.start_s for each in taken)


def _rss_mib(taken: Sequence[Started]) -> Spread:
    return Spread.of(each.rss_mib for each in taken)
