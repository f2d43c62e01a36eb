"""A comparison as a picture: what each router has lost by when, and whom the first of them bought from."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from router.simulation.comparison import Comparison
from router.simulation.result import JobResult, Run

_MINUTE_S: Final = 60.0
_USD: Final = 1e6
_STEPS: Final = 60


def draw(found: Comparison, file: Path) -> None:
    """Write a PNG; raises OSError when it cannot be written."""
    figure = Figure(figsize=(11.0, 8.0), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    _draw_regret(above, found)
    _draw_shares(below, found.runs[0])
    figure.savefig(file, format="png", dpi=110)


def _draw_regret(axes: Axes, found: Comparison) -> None:
    """What each router has spent more than the oracle, job by job in the order of their arrival."""
    oracle = found.clairvoyant if found.informed is None else found.informed
    best = {job.arrival.job_id: job.paid_microusd for job in found.judged(oracle)}
    for number, run in enumerate(found.runs):
        minutes, lost, total = list[float](), list[float](), 0.0
        for job in found.judged(run):
            total += job.paid_microusd - best[job.arrival.job_id]
            minutes.append(job.arrival.at_s / _MINUTE_S)
            lost.append(total / _USD)
        # The pairs without and with breakers share a colour.
        color, dashes = ("black", "-") if number == 0 else (f"C{(number - 1) // 2}", "-" if number % 2 else "--")
        axes.plot(minutes, lost, label=run.router, color=color, linestyle=dashes, linewidth=1.2 if number else 2.2)
    axes.axhline(0.0, color="grey", linewidth=0.8)
    axes.set_title(f"Spent more than the {oracle.router} on the same jobs")
    axes.set_ylabel("USD, cumulative")
    axes.legend(loc="upper left", fontsize="small", ncols=2)


def _draw_shares(axes: Axes, run: Run) -> None:
    minutes, shares = _shares(run.jobs)
    axes.stackplot(minutes, list(shares.values()), labels=list(shares), step="post")
    axes.set_ylim(0.0, 1.0)
    axes.set_xlim(0.0, minutes[-1])
    axes.set_title(f"{run.router}: whom its jobs were first submitted to")
    axes.set_xlabel("minutes since the start")
    axes.set_ylabel("share of jobs")
    axes.legend(loc="lower right", fontsize="small", ncols=4, framealpha=0.9)


def _shares(jobs: Sequence[JobResult]) -> tuple[list[float], Mapping[str, list[float]]]:
    """The share of each provider among the first submits of each of some equal stretches of time."""
    firsts = [job.attempts[0] for job in jobs if job.attempts]
    names = sorted({attempt.provider for attempt in firsts})
    last_s = max((attempt.at_s for attempt in firsts), default=0.0)
    step_s = max(1.0, last_s / _STEPS)
    counts = [dict.fromkeys(names, 0) for _ in range(_STEPS + 1)]
    for attempt in firsts:
        counts[min(_STEPS, int(attempt.at_s / step_s))][attempt.provider] += 1
    minutes = [number * step_s / _MINUTE_S for number in range(_STEPS + 1)]
    return minutes, {name: [each[name] / max(1, sum(each.values())) for each in counts] for name in names}
