"""What a finished video costs on its way through: CPU, the wait for its first byte, and the memory of a stream."""

from collections.abc import Sequence
from typing import Final

from tests.bench.figures import (
    Figure,
    Results,
    Spread,
    cpu_ms_per_mb,
    first_byte_ms,
    growth_mib_per_stream,
    mb_per_s,
)
from tests.bench.measuring import Measure, Phase, measured_rounds
from tests.bench.part import Lab, Report
from tests.bench.sheets import Goal, Sheet, cell
from tests.bench.targets import DIRECT, PASSTHROUGH, ROUTER, asked_upstream

_ALONE: Final = (
    Phase(Measure.CONTENT, 1, 1, mib=1024),
    Phase(Measure.CONTENT, 1, 4, slow_requests=1, mib=64),
    Phase(Measure.CONTENT, 1, 16, slow_requests=2, mib=8),
    Phase(Measure.CONTENT, 0, 8, 4.0, slow_requests=6, mib=8),
)
_MANY: Final = (
    Phase(Measure.CONTENT, 4, 8, mib=64, turns=2),
    Phase(Measure.CONTENT, 16, 48, slow_requests=8, mib=8, turns=2),
)
_QUICK: Final = (Phase(Measure.CONTENT, 4, 8, mib=8),)
_FIGURES: Final[dict[str, tuple[Figure, int]]] = {
    "CPU, ms/MB": (cpu_ms_per_mb, 3),
    "first byte, ms": (first_byte_ms, 1),
    "memory, MiB/stream": (growth_mib_per_stream, 1),
    "MB/s": (mb_per_s, 0),
}


async def measure(lab: Lab) -> Report:
    """Download videos of every size that a target can be asked for."""
    targets, upstream = await lab.fleet.targets(), lab.fleet.upstream
    phases = _QUICK if lab.quick else (*_ALONE, *_MANY)
    # Cold, and few streams first: what was needed once may stay resident, and nobody would see it needed again.
    results = Results(await measured_rounds(targets, upstream, phases, lab.rounds, warm_up=False))
    names = [target.name for target in targets]
    complaints = results.complaints({ROUTER: asked_upstream})
    return Report.of([_sheet(results, names)], results.document(), complaints, _goals(results))


def _sheet(results: Results, names: Sequence[str]) -> Sheet:
    rows = []
    for phase in results.phases:
        for label, (figure, digits) in _FIGURES.items():
            ratio = label.startswith("CPU")
            cells = [
                ""
                if name == DIRECT and figure in (cpu_ms_per_mb, growth_mib_per_stream)
                else cell(results.spread(phase, name, figure), digits)
                for name in names
            ]
            ratios = cell(results.ratio(phase, ROUTER, PASSTHROUGH, figure), 2) if ratio else ""
            rows.append((f"{phase.mib} MiB", phase.load, label, *cells, ratios))
    headings = ("video", "load", "", *names, "router / pass-through")
    caption = "memory: the most that was resident meanwhile over what was before, for each of the streams at once"
    return Sheet("a finished video, streamed", headings, tuple(rows), caption, texts=3)


def _goals(results: Results) -> list[Goal]:
    asked = [phase for phase in results.phases if results.samples(phase, ROUTER)]
    goals = [
        Goal(
            f"content, {_where(phase)}: CPU, router / pass-through",
            results.ratio(phase, ROUTER, PASSTHROUGH, cpu_ms_per_mb),
            1.3,
        )
        for phase in asked
        if phase in (_ALONE[0], *_MANY)
    ]
    goals += [
        Goal(f"content, {_where(phase)}: first byte", results.spread(phase, ROUTER, first_byte_ms), 10, "ms", digits=1)
        for phase in asked
        if phase in _ALONE
    ]
    return goals + [_growth_goal(results, mib) for mib in dict.fromkeys(phase.mib for phase in asked)]


def _growth_goal(results: Results, mib: int) -> Goal:
    """Judge the worst of all rounds and loads: memory that was needed once is needed."""
    growths = [
        growth_mib_per_stream(sample)
        for phase in results.phases
        if phase.mib == mib
        for sample in results.samples(phase, ROUTER)
    ]
    worst = max(growths)
    return Goal(f"content, {mib} MiB: most memory of a stream", Spread(worst, worst, worst), 4, "MiB", digits=1)


def _where(phase: Phase) -> str:
    return f"{phase.mib} MiB at {phase.load}"
