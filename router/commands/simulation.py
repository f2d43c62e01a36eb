"""`video-router simulate`: routers side by side in a made-up world."""

from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from router.commands.options import AsJson
from router.commands.terminal import console, say, stop
from router.config.problems import ConfigError
from router.config.scenario import load_scenario
from router.simulation.comparison import Comparison
from router.simulation.scenario import Scenario
from router.simulation.tables import comparison_document, comparison_tables

ScenarioFile = Annotated[Path, typer.Argument(metavar="SCENARIO", help="YAML scenario; config/scenarios has some.")]
Jobs = Annotated[int | None, typer.Option(min=1, max=1_000_000, help="How many, instead of the scenario's number.")]
Seed = Annotated[int, typer.Option(help="Of all that is drawn; the same one gives the same result.")]
Plot = Annotated[Path | None, typer.Option(metavar="FILE", help="Draw it into this PNG, too; needs the extra `plot`.")]


def simulate(
    scenario: ScenarioFile, jobs: Jobs = None, seed: Seed = 1, as_json: AsJson = False, plot: Plot = None
) -> None:
    """Show what this router and others would pay for the same jobs, against oracles that know the world."""
    loaded = _loaded(scenario)
    if plot is not None:
        _check_drawing()
    found = loaded.compared(seed, jobs)
    if as_json:
        typer.echo(comparison_document(found))
    else:
        _show(found)
    if plot is not None:
        _draw(found, plot)


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


def _check_drawing() -> None:
    """See before all the work whether there is anything to draw with."""
    try:
        import_module("matplotlib")
    except ImportError:
        stop("--plot needs matplotlib; install it with: pip install 'video-router[plot]'")


def _draw(found: Comparison, file: Path) -> None:
    try:
        import_module("router.simulation.picture").draw(found, file)
    except OSError as error:
        stop(f"{file} cannot be written: {error.strerror}")
