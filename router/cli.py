"""The command line: serve, check, what became of jobs and money, the sandbox to try it on, certify for dialects."""

import os
import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from providers.certification.cli import certify
from providers.sandbox.cli import sandbox
from router.app import Place, run
from router.commands.files import readable
from router.commands.jobs import jobs as jobs_commands
from router.commands.journal import journal
from router.commands.ledger import ledger
from router.commands.options import DATABASE, Admin, AsJson, Database
from router.commands.providers import providers as providers_commands
from router.commands.replay import replay_command
from router.commands.route import route
from router.commands.simulation import simulate
from router.commands.terminal import console, stop
from router.config.loading import load
from router.config.policy_table import default_policy, policies, policy_document, titled
from router.config.problems import ConfigError
from router.config.report import check_table, described, group_table
from router.config.settings import Settings
from router.engine.store import StoreUnavailableError, StoreVersionError
from router.engine.store.reading import read_report
from router.observe.tracing import TracingError
from router.reports.callers import caller_summaries
from router.reports.document import report_document
from router.reports.jobs import job_summaries
from router.reports.providers import summaries
from router.reports.tables import caller_table, failure_table, job_table, model_table, provider_table
from router.top.endpoint import LOCAL, AddressError, Endpoint, NoOverviewError
from router.top.watching import print_document, print_once, watch

cli = typer.Typer(
    name="video-router",
    help="One canonical video request in; the cheapest healthy provider does the work.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
cli.command("certify")(certify)
cli.command("sandbox")(sandbox)
cli.command("journal")(journal)
cli.command("replay")(replay_command)
cli.command("route")(route)
cli.command("simulate")(simulate)
cli.add_typer(providers_commands)
cli.add_typer(jobs_commands)
cli.add_typer(ledger)

ConfigFile = Annotated[Path, typer.Option("--config", "-c", metavar="FILE", help="YAML configuration.")]
Address = Annotated[str, typer.Option(help="Address to listen on; beyond loopback callers need keys.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")]
AdminAddress = Annotated[str, typer.Option(help="Address of health and metrics.")]
WatchS = Annotated[
    float,
    typer.Option(
        "--watch-s", min=0, max=3600, help="Seconds between two looks at the configuration and its key files; 0: none."
    ),
]
Hours = Annotated[float | None, typer.Option(min=0, help="Only attempts of the last so many hours.")]
Jobs = Annotated[bool, typer.Option("--jobs", help="Show each job and the way it went, too.")]
Models = Annotated[bool, typer.Option("--models", help="Show each provider's models apart, too.")]
Callers = Annotated[bool, typer.Option("--callers", help="Show what was spent on each caller, too.")]


@cli.command()
def serve(
    config: ConfigFile,
    host: Address = "127.0.0.1",
    port: Port = 8080,
    admin_host: AdminAddress = "127.0.0.1",
    admin_port: Port = 9091,
    db: Database = DATABASE,
    watch_s: WatchS = 2.0,
) -> None:
    """Run the router until SIGTERM or SIGINT; SIGHUP, or a change of the file, makes it read its configuration anew."""
    settings, place = _load(config), Place(host, port, admin_host, admin_port, db)
    try:
        place.require_callers(settings)
        run(settings, place, watch_s)
    except ConfigError as error:
        stop(str(error))
    except (OSError, StoreUnavailableError, StoreVersionError, TracingError) as error:
        stop(f"cannot start: {error}")


@cli.command()
def check(config: Annotated[Path, typer.Argument(metavar="FILE", help="YAML configuration.")]) -> None:
    """Check a configuration without starting, and show who would sell what at which price, and groups of models."""
    settings = _load(config)
    console().print(check_table(settings))
    if settings.catalog.groups:
        console().print(group_table(settings))


@cli.command()
def policy(
    config: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="YAML configuration.")] = None,
    provider: Annotated[str | None, typer.Option(help="Only this provider of the configuration.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the table as JSON.")] = False,
) -> None:
    """Show what follows from each failure: the next step, the breaker and the money; without a file, the defaults."""
    if provider is not None and config is None:
        stop(f"--provider {provider} needs the FILE that the provider is in")
    found = default_policy() if config is None else policies(_load(config))
    if provider is not None and provider not in found:
        stop(f"there is no provider {provider!r}; the providers are: {', '.join(found)}")
    chosen = found if provider is None else {provider: found[provider]}
    if as_json:
        typer.echo(policy_document(chosen))
        return
    console().print(*titled(chosen), sep="\n", end="")
    console().print("money: a cost that the provider tells of an accepted job comes before post or void")
    if any(line.own for lines in chosen.values() for line in lines):
        console().print("* chosen by failover_on or on_ambiguous")


@cli.command()
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


@cli.command()
def top(
    admin: Admin = LOCAL,
    interval: Annotated[float, typer.Option(min=0.2, max=3600, help="Seconds between two looks.")] = 2.0,
    once: Annotated[bool, typer.Option("--once", help="Print it once, as where there is no terminal.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the overview itself once, money in micro-USD.")
    ] = False,
) -> None:
    """Watch a running router: its providers, jobs, money and last failures; Ctrl-C ends it."""
    try:
        endpoint = Endpoint(admin)
        if as_json:
            print_document(endpoint)
        elif once or not sys.stdout.isatty() or console().is_dumb_terminal:
            print_once(endpoint, console())
        else:
            watch(endpoint, console(), interval)
    except (AddressError, NoOverviewError) as error:
        stop(str(error))


def main() -> None:
    """Run the command line."""
    cli()


def _load(config: Path) -> Settings:
    try:
        settings = load(config, os.environ)
    except ConfigError as error:
        stop(str(error))
    for warning in described(config, settings.warnings):
        Console(stderr=True).print(f"warning: {warning}", markup=False, highlight=False, soft_wrap=True)
    return settings
