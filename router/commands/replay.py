"""`video-router replay`: recorded jobs through another configuration, before it is put in force."""

import os
import time
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from router.commands.files import readable
from router.commands.options import DATABASE, AsJson, Database
from router.commands.periods import Since
from router.commands.plots import Plot, check_drawing, drawn
from router.commands.terminal import console, say, stop
from router.config.loading import load
from router.config.problems import ConfigError
from router.config.settings import Settings
from router.core.budget import daily_limits
from router.core.history import RecordedJob
from router.engine.store.journal_reading import recorded_jobs
from router.simulation.journal import JOBS_MAX, JournalError, read_journal
from router.simulation.place import Setup
from router.simulation.replay import EmptyJournalError, Replay, replay
from router.simulation.replay_tables import caveats, replay_document, replay_tables

NewConfig = Annotated[Path, typer.Option("--config", "-c", metavar="FILE", help="The configuration to try.")]
Journal = Annotated[
    Path | None, typer.Option("--journal", metavar="FILE", help="Read jobs that `journal` wrote, instead of --db.")
]
Seed = Annotated[int, typer.Option(help="Of what is drawn where nothing was recorded.")]


def replay_command(
    config: NewConfig,
    db: Database = DATABASE,
    since: Since = None,
    journal: Journal = None,
    seed: Seed = 0,
    as_json: AsJson = False,
    plot: Plot = None,
) -> None:
    """Show what recorded jobs would have cost, and how many had been delivered, with another configuration."""
    check_drawing(plot)
    settings = _settings(config)
    begin = None if since is None else time.time() - since
    jobs = _of_database(db, begin) if journal is None else _of_journal(journal, begin)
    try:
        found = replay(jobs, setup_of(settings), seed)
    except EmptyJournalError as error:
        stop(str(error) if since is None else f"{error}; --since leaves out those from before")
    if as_json:
        typer.echo(replay_document(found))
    else:
        _show(found)
    drawn("router.simulation.replay_picture", "draw_replay", found, plot)


def setup_of(settings: Settings) -> Setup:
    """Take of a configuration what routing goes by."""
    budgets = daily_limits(settings.catalog, settings.callers)
    return Setup(settings.catalog, settings.routing, settings.limits, budgets)


def _settings(config: Path) -> Settings:
    try:
        return load(config, _AnyKey())
    except ConfigError as error:
        stop(str(error))


def _of_database(db: Path, since: float | None) -> list[RecordedJob]:
    with readable(db), recorded_jobs(db, since) as jobs:
        found = list(islice(jobs, JOBS_MAX + 1))
    if len(found) > JOBS_MAX:
        stop(f"{db} has more than {JOBS_MAX:,} jobs; choose some of them with --since")
    return found


def _of_journal(journal: Path, since: float | None) -> list[RecordedJob]:
    try:
        jobs = read_journal(journal)
    except JournalError as error:
        stop(str(error))
    return jobs if since is None else [job for job in jobs if job.created_at >= since]


def _show(found: Replay) -> None:
    console().print(*replay_tables(found), sep="\n", end="")
    for line in caveats(found):
        say(line)


class _AnyKey(Mapping[str, str]):
    """Stands in for keys that are not set here: nobody is asked for anything."""

    def __getitem__(self, name: str) -> str:
        return os.environ.get(name) or "not-needed-for-a-replay"

    def __iter__(self) -> Iterator[str]:
        return iter(os.environ)

    def __len__(self) -> int:
        return len(os.environ)
