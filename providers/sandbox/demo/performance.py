"""The demo from its start to its last line."""

import asyncio
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import aiohttp
from openai import AsyncOpenAI, OpenAIError
from rich.console import Console

from providers.sandbox.books import Books
from providers.sandbox.caller import KEY
from providers.sandbox.demo.accounts import Comparison, Report, compare
from providers.sandbox.demo.caller import Outcome, fulfil, quote
from providers.sandbox.demo.processes import (
    TIME_SCALE,
    DemoError,
    Router,
    Upstreams,
    effective_config,
    report,
    router,
    sandbox,
)
from providers.sandbox.demo.progress import board
from providers.sandbox.demo.tables import comparison_table, job_table, quote_table
from providers.sandbox.demo.wishes import FIRST, FIRST_FAULTS, SECOND, SECOND_FAULTS, Faults, Wish

LIMIT_S: Final = 110.0
_LOOPBACK: Final = "127.0.0.1"
_READINGS: Final = 3


async def perform(console: Console, folder: Path, config: Path) -> bool:
    """Run the whole demo; False when a job ended otherwise than it must, or when two accounts disagree."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    for number in (signal.SIGTERM, signal.SIGHUP):
        if task is not None:
            loop.add_signal_handler(number, task.cancel)
    # A proxy of the machine is not asked for what runs on this machine.
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = _LOOPBACK
    _empty(folder)
    began = time.monotonic()
    try:
        async with asyncio.timeout(LIMIT_S), sandbox(folder) as upstreams:
            effective_config(config, upstreams, folder / "router.yaml")
            async with router(folder, folder / "router.yaml", folder / "router.db") as running:
                good = await _Performance(console, folder, upstreams, running).play()
    except TimeoutError:
        raise DemoError(f"it was not over after {LIMIT_S:g} s; see the logs in {folder}") from None
    except (aiohttp.ClientError, OpenAIError, ValueError) as error:
        raise DemoError(f"{error}; see the logs in {folder}") from error
    if good:
        _goodbye(console, folder, time.monotonic() - began)
    return good


class _Performance:
    def __init__(self, console: Console, folder: Path, upstreams: Upstreams, running: Router) -> None:
        self._console = console
        self._folder = folder
        self._database = folder / "router.db"
        self._upstreams = upstreams
        self._router = running
        self._outcomes: list[Outcome] = []

    async def play(self) -> bool:
        """Quote, make the videos, and settle the accounts."""
        say = self._console.print
        say(f"[bold]sandbox[/]  three paid upstreams, {TIME_SCALE} times faster than real ones; control: ", end="")
        say(self._upstreams.control_url)
        say(f"[bold]router[/]   {self._router.url}/v1   metrics: {self._router.admin_url}/metrics\n")
        client = AsyncOpenAI(base_url=f"{self._router.url}/v1", api_key=KEY, max_retries=0)
        async with client, aiohttp.ClientSession(raise_for_status=True) as session:
            say(quote_table(FIRST[0], await quote(client, FIRST[0])))
            say("[bold]Nine requests at once[/]; jizhiai refuses one prompt and loses its answer to another")
            await self._act(client, session, FIRST, FIRST_FAULTS)
            say("\n[bold]jizhiai, the cheapest, is off the network[/]; two more requests")
            await self._act(client, session, SECOND, SECOND_FAULTS)
            return await self._settle(session)

    async def _act(
        self, client: AsyncOpenAI, session: aiohttp.ClientSession, wishes: Sequence[Wish], faults: Faults
    ) -> None:
        """Set the faults, send every wish at once, and wait until all have ended."""
        for upstream, rules in faults.items():
            url = f"{self._upstreams.control_url}/{upstream}/_sandbox/faults"
            async with session.put(url, json={"faults": list(rules)}):
                pass
        first = len(self._outcomes) + 1
        with board(self._console) as shown:
            try:
                async with asyncio.TaskGroup() as group:
                    tasks = [
                        group.create_task(fulfil(client, wish, number, self._folder, shown))
                        for number, wish in enumerate(wishes, first)
                    ]
            except ExceptionGroup as errors:
                raise errors.exceptions[0] from None
        self._outcomes += [task.result() for task in tasks]

    async def _settle(self, session: aiohttp.ClientSession) -> bool:
        """Show what happened by the router's report, and whether everybody's accounts of it agree."""
        told, comparisons = await self._accounts(session)
        say = self._console.print
        say()
        say(job_table(self._outcomes, told.jobs))
        say("[dim]?: the answer was lost; it may be billed, and config/demo.yaml allows to buy elsewhere then.[/]")
        say(f"[dim]Times are as measured here; at real providers they are {TIME_SCALE} times as long.[/]\n")
        say((await report(self._database)).rstrip() + "\n", markup=False, soft_wrap=True)
        say(comparison_table(comparisons))
        unexpected = [outcome for outcome in self._outcomes if not outcome.as_expected]
        for outcome in unexpected:
            say(f"[red]{outcome.wish.name}: {outcome.error or 'not refused'}, which the demo did not expect[/]")
        agree = all(each.agrees for each in comparisons)
        if not agree:
            say(f"[red]The accounts disagree; see the logs in {self._folder}[/]")
        return agree and not unexpected

    async def _accounts(self, session: aiohttp.ClientSession) -> tuple[Report, list[Comparison]]:
        """Read the accounts, again where they disagree: they cannot all be read at one moment."""
        told, comparisons = await self._read(session)
        for _ in range(_READINGS - 1):
            if all(each.agrees for each in comparisons):
                break
            told, comparisons = await self._read(session)
        return told, comparisons

    async def _read(self, session: aiohttp.ClientSession) -> tuple[Report, list[Comparison]]:
        told = Report.parse(await report(self._database, "--json"))
        async with session.get(f"{self._router.admin_url}/metrics") as response:
            exposition = await response.text()
        async with session.get(f"{self._upstreams.control_url}/_sandbox/books") as response:
            books = {name: Books.parse(document) for name, document in (await response.json()).items()}
        return told, compare(told, exposition, books)


def _empty(folder: Path) -> None:
    """Remove what an earlier demo left, and nothing else."""
    folder.mkdir(parents=True, exist_ok=True)
    for pattern in ("[0-9][0-9]-*.mp4", "router.db*", "router.log", "sandbox.log", "router.yaml"):
        for path in folder.glob(pattern):
            path.unlink()


def _goodbye(console: Console, folder: Path, seconds: float) -> None:
    here = Path.cwd()
    shown = folder.relative_to(here) if folder.is_relative_to(here) else folder
    console.print(f"Done in {seconds:.0f} s, both programs are stopped. Look next at", style="bold")
    for what, why in (
        (f"{shown}/", "the videos, both programs' logs, and router.db for `video-router report --jobs --db`"),
        ("config/demo.yaml", "what the router was told; config/router.yaml explains every key"),
        ("your own code", 'OpenAI(base_url="http://127.0.0.1:8080/v1", api_key="...") is the whole change'),
    ):
        console.print(f"  {what:18}{why}", markup=False, soft_wrap=True)
