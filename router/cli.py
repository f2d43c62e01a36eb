"""The command line: serve, check, what became of jobs and money, the sandbox to try it on, certify for dialects.

A command is loaded when it is called, so that serving costs no time and no memory for the others.
"""

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any, Final

import typer
from typer.core import TyperGroup
from typer.main import get_command

_COMMANDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "certify": "providers.certification.cli:certify",
        "sandbox": "providers.sandbox.cli:sandbox",
        "journal": "router.commands.journal:journal",
        "replay": "router.commands.replay:replay_command",
        "route": "router.commands.route:route",
        "simulate": "router.commands.simulation:simulate",
        "serve": "router.commands.serving:serve",
        "check": "router.commands.checking:check",
        "policy": "router.commands.checking:policy",
        "report": "router.commands.reporting:report",
        "top": "router.commands.looking:top",
        "providers": "router.commands.providers:providers",
        "jobs": "router.commands.jobs:jobs",
        "ledger": "router.commands.ledger:ledger",
    }
)


class _OnDemand(TyperGroup):
    """A group whose commands are made when somebody asks for them."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - asked so
        """Name all of them, which loads none."""
        return list(_COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Load a command; None for a name that is none."""
        if cmd_name not in self.commands and cmd_name in _COMMANDS:
            module, _, name = _COMMANDS[cmd_name].partition(":")
            self.commands[cmd_name] = _command(getattr(import_module(module), name), cmd_name)
        return super().get_command(ctx, cmd_name)


cli = typer.Typer(
    name="video-router",
    cls=_OnDemand,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@cli.callback()
def _video_router() -> None:
    """One canonical video request in; the cheapest healthy provider does the work."""


def main() -> None:
    """Run the command line."""
    cli()


def _command(made: Any, name: str) -> Any:
    """Make a command of a function, or of a group of them."""
    if isinstance(made, typer.Typer):
        return get_command(made)
    alone = typer.Typer(add_completion=False)
    alone.command(name)(made)
    return get_command(alone)
