"""`video-router check` and `policy`: what a configuration comes to, without a router."""

from pathlib import Path
from typing import Annotated

import typer

from router.commands.configured import configured
from router.commands.terminal import console, stop
from router.config.policy_table import default_policy, policies, policy_document, titled
from router.config.report import check_table, group_table


def check(config: Annotated[Path, typer.Argument(metavar="FILE", help="YAML configuration.")]) -> None:
    """Check a configuration without starting, and show who would sell what at which price, and groups of models."""
    settings = configured(config)
    console().print(check_table(settings))
    if settings.catalog.groups:
        console().print(group_table(settings))


def policy(
    config: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="YAML configuration.")] = None,
    provider: Annotated[str | None, typer.Option(help="Only this provider of the configuration.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the table as JSON.")] = False,
) -> None:
    """Show what follows from each failure: the next step, the breaker and the money; without a file, the defaults."""
    if provider is not None and config is None:
        stop(f"--provider {provider} needs the FILE that the provider is in")
    found = default_policy() if config is None else policies(configured(config))
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
