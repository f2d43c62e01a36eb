"""The command that runs the contract on an adapter and says what it found."""

import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from providers.certification.checks import CHECKS, Result, certified
from providers.certification.exchange import ExchangeError
from providers.certification.subject import BODIES, MODEL, Subject, SubjectError, subjects

Name = Annotated[
    str, typer.Argument(metavar="DIALECT|MODULE[:ATTRIBUTE]", help="A registered dialect, or where an adapter is.")
]
Exchanges = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Recorded answers; by default those that come with the dialect."),
]
Bodies = Annotated[int, typer.Option(min=1, max=10_000_000, help="How many disturbed answers each such check reads.")]
Seed = Annotated[int, typer.Option(help="Seed of the requests and answers that are drawn.")]
Model = Annotated[str, typer.Option(help="An upstream's model name, for dialects that do not take every one.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print every check and violation as JSON.")]


def certify(
    name: Name,
    exchanges: Exchanges = None,
    bodies: Bodies = BODIES,
    seed: Seed = 0,
    model: Model = MODEL,
    as_json: AsJson = False,
) -> None:
    """Run the contract of dialects on an adapter: what it sends, what it reads, and what it never reads."""
    if str(Path.cwd()) not in sys.path:  # an installed script's path lacks it, and the adapter may lie here
        sys.path.append(str(Path.cwd()))
    try:
        found = [replace(item, bodies=bodies, seed=seed, model=model) for item in subjects(name, exchanges)]
    except (SubjectError, ExchangeError) as error:
        Console(stderr=True).print(f"certify: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(2) from None
    outcomes = [(subject, certified(subject)) for subject in found]
    if as_json:
        typer.echo(orjson.dumps([_document(*each) for each in outcomes], option=orjson.OPT_INDENT_2))
    else:
        console = Console(width=None if sys.stdout.isatty() else 120)
        for subject, results in outcomes:
            console.print(_table(subject, results))
            console.print(_summary(subject, results), markup=False, highlight=False, soft_wrap=True)
    if not all(result.held for _, results in outcomes for result in results):
        raise typer.Exit(1)


def _table(subject: Subject, results: tuple[Result, ...]) -> Table:
    table = Table(title=f"the contract of dialects, on {subject.name}", title_justify="left")
    table.add_column("check", no_wrap=True)
    table.add_column("cases", justify="right")
    table.add_column("result", no_wrap=True)
    table.add_column("first violation", overflow="fold")
    for result in results:
        told = "held" if result.held else f"{result.broken} broken"
        table.add_row(
            result.check.name, str(result.cases), Text(told, "green" if result.held else "red"), _first(result)
        )
    return table


def _first(result: Result) -> Text:
    if result.held:
        return Text()
    violation = result.violations[0]
    return Text(f"asked: {violation.asked}\ngot: {violation.got}\nchange: {violation.change}")


def _summary(subject: Subject, results: tuple[Result, ...]) -> str:
    broken = [result.check.name for result in results if not result.held]
    tried = (
        f"{sum(result.cases for result in results)} cases, {len(subject.exchanges)} recorded exchanges, "
        f"seed {subject.seed}"
    )
    if not broken:
        return f"{subject.name}: certified, all {len(CHECKS)} checks held ({tried})"
    return f"{subject.name}: not certified, {len(broken)} of {len(CHECKS)} checks broken: {', '.join(broken)} ({tried})"


def _document(subject: Subject, results: tuple[Result, ...]) -> dict[str, object]:
    return {
        "subject": subject.name,
        "certified": all(result.held for result in results),
        "exchanges": len(subject.exchanges),
        "bodies": subject.bodies,
        "seed": subject.seed,
        "checks": [
            {
                "name": result.check.name,
                "sentence": result.check.sentence,
                "held": result.held,
                "cases": result.cases,
                "broken": result.broken,
                "violations": [asdict(violation) for violation in result.violations],
            }
            for result in results
        ],
    }
