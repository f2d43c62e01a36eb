"""The command that runs all three fake upstreams and one control listener."""

import asyncio
import ipaddress
import signal
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from providers.sandbox.faults import FaultError
from providers.sandbox.habits import OPENAIS_OWN, Habits
from providers.sandbox.prices import DialectName
from providers.sandbox.sandbox import Control, Sandbox
from providers.sandbox.scenario import Scenario, read_scenario

Port = Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")]


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything listens, and how fast time goes."""

    host: str
    control_port: int
    ports: dict[DialectName, int]
    time_scale: float
    seed: int
    scenario: Scenario
    habits: Habits = OPENAIS_OWN


def sandbox(  # noqa: PLR0913, PLR0917 - every option of the command
    openai_port: Port = 9501,
    jizhiai_port: Port = 9502,
    shenma_port: Port = 9503,
    control_port: Port = 9500,
    time_scale: Annotated[
        float, typer.Option(min=0.001, help="How many times faster than real jobs take; 1 is real time.")
    ] = 60.0,
    scenario: Annotated[
        Path | None, typer.Option(metavar="FILE", help="YAML or JSON: faults to begin with, by upstream.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of job durations and shares of faults.")] = 0,
    host: Annotated[str, typer.Option(help="Address to listen on; anything but loopback is open to the network.")] = (
        "127.0.0.1"
    ),
    habit: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME[=VALUE]", help="What openai does with its jobs, such as echoes_prompt; repeatable."),
    ] = None,
) -> None:
    """Run fake upstreams of all three dialects, with books and faults under the control URL."""
    ports = dict(zip(DialectName, (openai_port, jizhiai_port, shenma_port), strict=True))
    try:
        faults = read_scenario(scenario) if scenario is not None else {}
        layout = Layout(_address(host), control_port, ports, time_scale, seed, faults, _habits(habit or []))
        asyncio.run(serve(layout))
    except (FaultError, OSError) as error:
        Console(stderr=True).print(f"sandbox: {error}", style="red", markup=False, highlight=False)
        raise typer.Exit(2) from None


def _address(host: str) -> str:
    try:
        return str(ipaddress.ip_address("127.0.0.1" if host == "localhost" else host))
    except ValueError:
        raise typer.BadParameter(f"{host!r} is not an IP address; write for example 127.0.0.1") from None


def _habits(texts: list[str]) -> Habits:
    try:
        return Habits.parse(texts)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


async def serve(layout: Layout) -> None:
    """Run until SIGINT or SIGTERM."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        control = await stack.enter_async_context(Control.start(layout.host, layout.control_port))
        running = [
            await stack.enter_async_context(
                Sandbox.start(
                    dialect,
                    host=layout.host,
                    port=port,
                    control=control,
                    time_scale=layout.time_scale,
                    seed=layout.seed + number,
                    faults=layout.scenario.get(dialect, ()),
                    habits=layout.habits,
                )
            )
            for number, (dialect, port) in enumerate(layout.ports.items())
        ]
        Console().print(_table(running, control.url, layout.time_scale))
        await stop.wait()


def _table(running: list[Sandbox], control_url: str, time_scale: float) -> Table:
    table = Table(
        title=f"sandbox upstreams, {time_scale:g} times faster than real",
        title_justify="left",
        caption=f"books and faults: {control_url}/<upstream>/_sandbox/books, .../_sandbox/faults",
        caption_justify="left",
        min_width=80,
    )
    for heading in ("upstream", "base URL", "key", "faults set"):
        table.add_column(heading, overflow="fold")
    for item in running:
        table.add_row(item.name, item.base_url, item.key, str(len(item.faults())))
    return table
