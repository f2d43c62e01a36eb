"""A command loads what it needs itself; serving, which goes on for weeks, holds nothing of the others."""

import subprocess
import sys

from typer.testing import CliRunner

from router.cli import cli

OTHERS = (
    "alembic",
    "providers.certification",
    "providers.sandbox",
    "router.reports",
    "router.simulation",
    "sqlalchemy",
)


def test_the_help_names_every_command() -> None:
    result = CliRunner().invoke(cli, ["--help"])
    assert result.exit_code == 0
    for name in ("serve", "check", "policy", "report", "top", "jobs", "ledger", "providers", "sandbox", "certify"):
        assert name in result.output


def test_serving_loads_nothing_of_the_other_commands() -> None:
    script = f"import sys, router.cli, router.commands.serving; print([m for m in {OTHERS!r} if m in sys.modules])"
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert said.stdout == "[]\n"
