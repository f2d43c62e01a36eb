"""All game days, the router beside routers that go by a list, by the lowest quote, or round in a circle."""

import argparse
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from router.simulation.comparison import Comparison
from router.simulation.result import Run
from tests.gamedays.day import DAYS, SEED, Day, played

# In which minutes who is bad; nobody for days whose trouble has no begin.
TROUBLES = {
    "brownout": ("cheap", 45, 105),
    "fast_429_storm": ("cheap", 45, 75),
    "flapping": ("cheap", 80, 83),
    "hard_outage": ("cheap", 45, 60),
    "late_failures": ("cheap", 45, 85),
    "lying_status": ("cheap", 45, 75),
    "price_flip": ("cheap", 45, 105),
    "three_times_slower": ("cheap", 45, 105),
    "all_down": ("cheap", 45, 57),
}


def main() -> None:
    """Print two tables: what the router did, and what others would have done."""
    reading = argparse.ArgumentParser(prog="python -m tests.gamedays", description=__doc__)
    reading.add_argument("days", nargs="*", metavar="DAY", help=f"which ones: {', '.join(DAYS)}")
    reading.add_argument("--seed", type=int, default=SEED, help="of chance")
    said = reading.parse_args()
    if unknown := sorted(set(said.days) - set(DAYS)):
        reading.error(f"there is no {', '.join(unknown)}; the days are {', '.join(DAYS)}")
    names = said.days or DAYS
    console = Console(width=132)
    console.print(own_table([played(name, said.seed) for name in names]))
    console.print(others_table([(name, played(name, said.seed).scenario.compared(said.seed)) for name in names]))


def own_table(days: Sequence[Day]) -> Table:
    """One line a day."""
    table = _table(
        "What the router did",
        (
            "delivered",
            "regret",
            "submits in\nthe trouble",
            "of them\nprobes",
            "share in\nthe trouble",
            "probes a\nwindow",
            "back after",
        ),
    )
    for day in days:
        trouble = TROUBLES.get(day.name)
        cells = ["-"] * 3 if trouble is None else _in_trouble(day, *trouble)
        back = "-" if trouble is None else f"{day.back_after_min(trouble[0], trouble[2]):.0f} min"
        windows = day.probes_per_window()
        most = str(max(windows)) if windows else "-"
        table.add_row(day.name, f"{day.delivered_share:.1%}", f"{day.regret:+.1%}", *cells, most, back)
    return table


def others_table(compared: Sequence[tuple[str, Comparison]]) -> Table:
    """One line a day, one column a router."""
    routers = [run.router for run in compared[0][1].runs]
    table = _table("Delivered; how much more a video cost than it need have; submits that delivered none", routers)
    for name, comparison in compared:
        table.add_row(name, *(_cell(comparison, run) for run in comparison.runs))
    return table


def _in_trouble(day: Day, provider: str, begin: float, end: float) -> list[str]:
    submits = len(day.attempts(provider, begin, end))
    probes = submits - day.submits_until_left(provider, begin, end)
    return [str(submits), str(probes), f"{day.share(provider, begin, end):.0%}"]


def _cell(comparison: Comparison, run: Run) -> str:
    jobs = comparison.judged(run)
    delivered = sum(job.delivered for job in jobs) / len(jobs)
    informed = comparison.informed
    regret = None if informed is None else comparison.regret(run, informed).overall
    failed = sum(not attempt.delivered for job in jobs for attempt in job.attempts)
    return f"{delivered:.1%}\n{'-' if regret is None else f'{regret:+.1%}'}\n{failed}"


def _table(title: str, columns: Sequence[str]) -> Table:
    table = Table(title=title, box=box.SIMPLE, title_justify="left", title_style="bold")
    table.add_column("day", no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right")
    return table


if __name__ == "__main__":
    main()
