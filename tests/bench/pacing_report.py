"""When jobs are polled: curves of polls per job against detection lag, for ways to poll and ways to be told.

`python -m tests.bench.pacing_report [FILE.png]` shows this alone, and draws it where matplotlib is installed.
"""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from random import Random
from statistics import mean
from typing import Any, Final

from rich.console import Console

from router.core.clock import Clock
from tests.bench.figures import Spread
from tests.bench.pacing import MODELS, Figures, Jobs, Model, Progress, every, optimal
from tests.bench.part import Lab, Report
from tests.bench.sheets import Goal, Sheet
from tests.engine.listing_world import World
from tests.virtual_time import in_virtual_time

_JOBS: Final = 20_000
_TOLD_JOBS: Final = 2_000
_LISTED_JOBS: Final = 2_500
_LISTED_IN_FLIGHT: Final = 1_000
_STARTS: Final = 4
_QUICK: Final = 40
_LEARNED: Final = (200, 500)
_HINT_S: Final = (0.1, 0.8)
_HINTS_LOST: Final = 0.02
_FIXED_S: Final = (5.0, 15.0)
OPTIMUM: Final = "optimum, distribution known"
COLD: Final = "ours, nothing learned"
LEARNING: Final = "ours, the first 200 jobs"
LYING: Final = (Progress.STUCK, Progress.SPRINTS, Progress.JUMPS)
WEBHOOKS: Final = "webhooks"
LIST: Final = f"list, {_LISTED_IN_FLIGHT:,} in flight"


def after(jobs: int) -> str:
    """Name what is known after so many jobs."""
    return f"ours, after {jobs} jobs"


def fixed(interval_s: float) -> str:
    """Name a fixed interval."""
    return f"every {interval_s:g} s"


@dataclass(frozen=True, slots=True)
class Paced:
    """What was found for one model: `silent` tells nothing but the end, `told` are the other ways, by name."""

    model: Model
    silent: Mapping[str, Figures]
    told: Mapping[str, Figures]

    def over_optimum(self, name: str) -> float:
        """How much larger a product of polls and lag is than the least there is."""
        return self.silent[name].product / self.model.optimum


async def measure(lab: Lab) -> Report:
    """Simulate, beside nothing else: there is no time in these figures but the virtual one."""
    found = await asyncio.to_thread(paced, _QUICK if lab.quick else 1)
    document = [_document(each) for each in found]
    return Report.of([_curves(found), _ways(found)], document, complaints(found), [] if lab.quick else goals(found))


def paced(less: int = 1, models: Sequence[Model] = MODELS, seed: int = 1) -> list[Paced]:
    """Poll models in all ways, with as many times fewer jobs as wanted."""
    return [Paced(model, _silent(model, _JOBS // less, seed), _told(model, less, seed)) for model in models]


def _silent(model: Model, jobs: int, seed: int) -> dict[str, Figures]:
    rng = Random(f"{seed} {model}")
    found = {fixed(interval_s): every(interval_s, model, jobs, rng) for interval_s in _FIXED_S}
    learners, begun = [Jobs(model, rng) for _ in range(_STARTS)], []
    found[COLD] = learners[0].known(jobs)
    for known in _LEARNED:
        for learner in learners:
            seen = learner.polled(known - learner.begun)
            if known == _LEARNED[0]:
                begun += seen
        found[after(known)] = Figures.mean([learner.known(jobs // _STARTS) for learner in learners])
    found[LEARNING] = Figures.of(begun)
    found[OPTIMUM] = optimal(model, jobs, rng)
    return found


def _told(model: Model, less: int, seed: int) -> dict[str, Figures]:
    """What an upstream tells besides is learned from the first jobs, which are not counted."""
    rng, jobs = Random(f"{seed} {model} told"), _TOLD_JOBS // less
    found = {}
    for told in Progress:
        if told is not Progress.NONE:
            learner = Jobs(model, rng, told)
            learner.polled(_LEARNED[0])
            found[f"progress, {told}"] = Figures.of(learner.polled(jobs))
    for name, lost in ((WEBHOOKS, 0.0), (f"{WEBHOOKS}, {_HINTS_LOST:.0%} lost", _HINTS_LOST)):
        learner = Jobs(model, rng, hint_s=_HINT_S, lost=lost)
        learner.polled(_LEARNED[0])
        found[name] = Figures.of(learner.polled(jobs))
    learner = Jobs(model, rng, Progress.TRUE)
    learner.polled(_LEARNED[0])
    found[LIST] = _listed(learner, max(_LISTED_IN_FLIGHT // less, 20), max(_LISTED_JOBS // less, 60))
    return found


def _listed(learner: Jobs, in_flight: int, jobs: int) -> Figures:
    """Let the engine's own list polling answer the polls of many jobs; what counts are the exchanges with the list.

    They are counted while so many jobs are in flight, not while these begin and end.
    """
    at: list[tuple[int, int]] = []

    async def count(world: World) -> None:
        for begun in (jobs - in_flight, jobs):
            while len(world.upstream.jobs) < begun:
                await asyncio.sleep(1.0)
            at.append((world.upstream.asked.total(), len(world.readings)))

    async def main(clock: Clock) -> World:
        world = await World.of(clock)
        world.durations = learner.durations
        await asyncio.gather(world.run(jobs, in_flight, learner.model.drawn_s), count(world))
        return world

    world: World = in_virtual_time(main)
    lags = sorted(world.lags_s)
    (asked_before, ended_before), (asked, ended) = at
    exchanges = (asked - asked_before) / max(1, ended - ended_before)
    return Figures(len(lags), exchanges, mean(lags), lags[int(0.95 * len(lags))])


def complaints(found: Sequence[Paced]) -> list[str]:
    """Say what makes the figures worthless: jobs whose end nobody saw, or saw before it."""
    return [
        f"{paced.model}, {name}: an end was seen {-figures.lag_s:.1f} s before it"
        for paced in found
        for name, figures in {**paced.silent, **paced.told}.items()
        if figures.lag_s < 0.0
    ]


def goals(found: Sequence[Paced]) -> list[Goal]:
    """Return what pacing is for."""

    def of(what: str, values: Sequence[float], limit: float, unit: str = "") -> Goal:
        return Goal(f"pacing: {what}", Spread.of(values), limit, unit)

    def most(name: str) -> list[Figures]:
        return [paced.told[name] for paced in found]

    true, hooks = most(f"progress, {Progress.TRUE}"), most(WEBHOOKS)
    every_5_s = fixed(_FIXED_S[0])
    return [
        *(
            of(
                f"{paced.model}, {after(_LEARNED[0])}, polls x lag over the optimum",
                [paced.over_optimum(name)],
                1.3,
                "x",
            )
            for paced in found
            for name in [after(_LEARNED[0])]
        ),
        *(
            of(
                f"{paced.model}, {COLD}, polls x lag over that of {every_5_s}",
                [paced.silent[COLD].product / paced.silent[every_5_s].product],
                1.0,
                "x",
            )
            for paced in found
        ),
        of("truthful progress, polls, most of all models", [max(each.polls for each in true)], 8.0),
        of("truthful progress, lag p95, most of all models", [max(each.lag_p95_s for each in true)], 3.0, "s"),
        of("webhooks, polls, most of all models", [max(each.polls for each in hooks)], 3.0),
        of("webhooks, mean lag, most of all models", [max(each.lag_s for each in hooks)], 1.0, "s"),
        of("list, exchanges per job, most of all models", [max(each.polls for each in most(LIST))], 1.0),
    ]


def _curves(found: Sequence[Paced]) -> Sheet:
    headings = (
        "duration, p5-p95",
        "way to poll",
        "polls",
        "lag, mean s",
        "lag, p95 s",
        "polls x lag",
        "of the optimum",
    )
    rows = []
    for paced in found:
        name = str(paced.model)
        for way, figures in paced.silent.items():
            rows.append((name, way, *_cells(figures), f"{figures.product:.0f}", f"{paced.over_optimum(way):.2f}x"))
            name = ""
    caption = (
        "Each way to poll could trade polls for lag along a curve on which their product stays nearly the same. The "
        "optimum is the least product there is: 34, 38, 42 and 112, the larger ends of what was found by others."
    )
    return Sheet("polls until an end is seen, of jobs that tell nothing else", headings, tuple(rows), caption, texts=2)


def _ways(found: Sequence[Paced]) -> Sheet:
    headings = ("duration, p5-p95", "what an upstream tells", "polls", "lag, mean s", "lag, p95 s")
    rows = []
    for paced in found:
        name = str(paced.model)
        for way, figures in paced.told.items():
            rows.append((name, way, *_cells(figures)))
            name = ""
    caption = (
        f"After {_LEARNED[0]} jobs. Webhooks come 0.1 to 0.8 s after an end. With a list, polls are exchanges for each "
        "job, of which each answers all that are due; that upstream tells true progress, and is 80 ms away."
    )
    return Sheet("polls until an end is seen, where an upstream tells more", headings, tuple(rows), caption, texts=2)


def _cells(figures: Figures) -> tuple[str, str, str]:
    return f"{figures.polls:.1f}", f"{figures.lag_s:.2f}", f"{figures.lag_p95_s:.2f}"


def _document(paced: Paced) -> dict[str, Any]:
    ways = {**paced.silent, **paced.told}
    figures = {
        name: {"jobs": each.jobs, "polls": each.polls, "lag_s": each.lag_s, "lag_p95_s": each.lag_p95_s}
        for name, each in ways.items()
    }
    return {"p5_s": paced.model.p5_s, "p95_s": paced.model.p95_s, "optimum": paced.model.optimum, "ways": figures}


def main() -> int:
    """Show the figures, and draw them into the file that is named; 1 when a goal is missed."""
    found, console = paced(), Console(width=140)
    for sheet in (_curves(found), _ways(found)):
        console.print(sheet.table())
    missed = [goal for goal in goals(found) if not goal.met]
    for goal in missed:
        console.print("missed: " + ", ".join(goal.row()))
    if len(sys.argv) > 1:
        import_module("tests.bench.pacing_picture").draw(found, Path(sys.argv[1]))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
