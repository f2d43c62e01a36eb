"""`video-router simulate`: routers side by side in a made-up world."""

from pathlib import Path
from typing import Annotated

import typer

from router.commands.options import AsJson
from router.commands.plots import Plot, check_drawing, drawn
from router.commands.terminal import console, say, stop
from router.config.problems import ConfigError
from router.config.scenario import load_scenario
from router.simulation.comparison import Comparison
from router.simulation.scenario import Scenario
from router.simulation.tables import comparison_document, comparison_tables

ScenarioFile = Annotated[Path, typer.Argument(metavar="SCENARIO", help="YAML scenario; config/scenarios has some.")]
Jobs = Annotated[int | None, typer.Option(min=1, max=1_000_000, help="How many, instead of the scenario's number.")]
Seed = Annotated[int, typer.Option(help="Of all that is drawn; the same one gives the same result.")]


def simulate(
    scenario: ScenarioFile, jobs: Jobs = None, seed: Seed = 1, as_json: AsJson = False, plot: Plot = None
) -> None:
    """Show what this router and others would pay for the same jobs, against oracles that know the world."""
    loaded = _loaded(scenario)
    check_drawing(plot)
    found = loaded.compared(seed, jobs)
    if as_json:
        typer.echo(comparison_document(found))
    else:
        _show(found)
    drawn("router.simulation.picture", "draw", found, plot)


def _loaded(file: Path) -> Scenario:
    try:
        return load_scenario(file)
    except ConfigError as error:
        stop(str(error))


def _show(found: Comparison) -> None:
    console().print(*comparison_tables(found), sep="\n", end="")
    hopeless = len(found.hopeless)
    if hopeless:
        say(f"{hopeless} of {len(found.clairvoyant.jobs)} jobs are left out: nobody could have delivered them")
