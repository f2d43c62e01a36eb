"""`video-router report`: what was delivered, what failed, and what a delivered second cost."""

import time
from typing import Annotated

import typer

from router.commands.files import readable
from router.commands.options import DATABASE, AsJson, Database
from router.commands.terminal import console
from router.engine.store.reading import read_report
from router.reports.callers import caller_summaries
from router.reports.document import report_document
from router.reports.jobs import job_summaries
from router.reports.providers import summaries
from router.reports.tables import caller_table, failure_table, job_table, model_table, provider_table

Hours = Annotated[float | None, typer.Option(min=0, help="Only attempts of the last so many hours.")]
Jobs = Annotated[bool, typer.Option("--jobs", help="Show each job and the way it went, too.")]
Models = Annotated[bool, typer.Option("--models", help="Show each provider's models apart, too.")]
Callers = Annotated[bool, typer.Option("--callers", help="Show what was spent on each caller, too.")]


def report(
    db: Database = DATABASE,
    hours: Hours = None,
    models: Models = False,
    callers: Callers = False,
    jobs: Jobs = False,
    as_json: AsJson = False,
) -> None:
    """Compare what the providers delivered, where they failed, and what a delivered second really cost."""
    with readable(db):
        rows = read_report(db, None if hours is None else time.time() - 3600 * hours)
    providers, sold = summaries(rows), summaries(rows, by_model=True)
    asking, made = caller_summaries(rows), job_summaries(rows)
    if as_json:
        typer.echo(report_document(providers, sold, asking, made))
        return
    chosen = [*([job_table(made)] if jobs else []), *([caller_table(asking)] if callers else [])]
    compared = [provider_table(providers), *([model_table(sold)] if models else [])]
    tables = [*chosen, *compared, failure_table(providers)]
    if not rows:
        console().print("no attempt was made")
    console().print(*(table for table in tables if table.row_count), sep="\n", end="")
