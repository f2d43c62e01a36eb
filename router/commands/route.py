"""`video-router route`: who would take a job now, what it is expected to cost, and what would change that."""

import asyncio
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from pydantic import TypeAdapter
from rich.console import Console

from router.app import unconnected
from router.commands.options import Admin, AsJson
from router.commands.orders import ordered
from router.commands.terminal import console, say, stop
from router.config.loading import load
from router.config.problems import ConfigError
from router.config.settings import Settings
from router.core.decision_record import DecisionRecord
from router.http.callers import CallerDirectory
from router.http.decision_object import OWN, decision_object, read_decision
from router.http.errors import ApiError
from router.http.route import asked
from router.reports.decisions import candidate_table, exclusion_table, other_models, verdict
from router.top.endpoint import LOCAL

PATH: Final = "/admin/route"
_OFFLINE: Final = (
    "decided by the file alone: nothing was learned yet, nothing is in flight, nobody is ejected and no budget is used;"
    " a running router may decide otherwise"
)
_WHICH: Final = "a decision; use the video-router that runs there"
_DOCUMENT: Final = TypeAdapter(dict[str, Any])

Prompt = Annotated[str, typer.Option(metavar="TEXT", help="Some dialects have limits; nothing else depends on it.")]
Model = Annotated[str | None, typer.Option(help="A model or a group; the configuration's default otherwise.")]
Seconds = Annotated[int | None, typer.Option(min=1, help="Length; the configuration's default otherwise.")]
VideoSize = Annotated[str | None, typer.Option(metavar="WIDTHxHEIGHT", help="The configuration's default otherwise.")]
Images = Annotated[list[str] | None, typer.Option("--image", metavar="URL", help="An input image; may be repeated.")]
Only = Annotated[str | None, typer.Option(metavar="A,B", help="Providers or offerings that may take it.")]
Ignore = Annotated[str | None, typer.Option(metavar="A,B", help="Providers or offerings that may not.")]
Order = Annotated[str | None, typer.Option(metavar="A,B", help="Providers or offerings to ask first, in this order.")]
Sort = Annotated[str | None, typer.Option(metavar="BY", help="price, latency or expected_cost.")]
PriceMax = Annotated[str | None, typer.Option("--max-price-usd", metavar="USD", help="The most that one may quote.")]
Deadline = Annotated[float | None, typer.Option("--deadline-s", metavar="S", help="How long the job may take.")]
Models = Annotated[str | None, typer.Option(metavar="A,B", help="Models to fall back on, in this order.")]
CallerName = Annotated[str | None, typer.Option("--caller", metavar="NAME", help="Whose budget counts.")]
Offline = Annotated[
    Path | None, typer.Option("--config", "-c", metavar="FILE", help="Decide by a file instead of asking a router.")
]


def route(  # noqa: PLR0913, PLR0917 - each of them is an option
    prompt: Prompt = "a paper boat on a river",
    model: Model = None,
    seconds: Seconds = None,
    size: VideoSize = None,
    images: Images = None,
    only: Only = None,
    ignore: Ignore = None,
    order: Order = None,
    sort: Sort = None,
    max_price: PriceMax = None,
    deadline: Deadline = None,
    models: Models = None,
    caller: CallerName = None,
    admin: Admin = LOCAL,
    config: Offline = None,
    as_json: AsJson = False,
) -> None:
    """Ask a router who would take a job now and why; nothing is bought. Exit 1 if nobody can take it."""
    names = {"only": only, "ignore": ignore, "order": order, "models": models}
    lists = {name: None if value is None else _split(value) for name, value in names.items()}
    routing = _said({**lists, "sort": sort, "max_price_usd": max_price, "deadline_s": deadline})
    video = {"prompt": prompt, "model": model, "seconds": seconds, "size": size, "images": images}
    body = _said({**video, "routing": routing or None, "caller": caller})
    document = _answered(admin, body) if config is None else _computed(config, body)
    decision = _read(document, admin)
    if as_json:
        typer.echo(json.dumps(document, indent=2))
    else:
        _show(decision)
    if config is not None:
        Console(stderr=as_json).print(f"\n{_OFFLINE}", markup=False, highlight=False, soft_wrap=True)
    if not decision.candidates:
        raise typer.Exit(1)


def _said(values: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}


def _split(names: str) -> list[str]:
    return [name.strip() for name in names.split(",") if name.strip()]


def _answered(admin: str, body: Mapping[str, object]) -> dict[str, Any]:
    return ordered(admin, PATH, body, _DOCUMENT, _WHICH)


def _read(document: Mapping[str, Any], admin: str) -> DecisionRecord:
    try:
        return read_decision(document)
    except ValueError:
        stop(f"{admin} answers with something else than {_WHICH}")


def _computed(config: Path, body: Mapping[str, object]) -> dict[str, Any]:
    """Let an engine decide that has only just been built."""
    try:
        settings = load(config, os.environ)
        decision = asyncio.run(_decided(settings, body))
    except ConfigError as error:
        stop(str(error))
    except ApiError as error:
        stop(error.message)
    return {"object": "routing.decision", **decision_object(decision, OWN)}


async def _decided(settings: Settings, body: Mapping[str, object]) -> DecisionRecord:
    callers, terms = CallerDirectory(settings.callers).names, (settings.server, settings.defaults, settings.limits)
    question = asked(dict(body), settings.catalog, callers, *terms)
    async with unconnected(settings) as engine:
        return engine.quote(question.video, question.preferences, question.caller)


def _show(decision: DecisionRecord) -> None:
    tables = (candidate_table(decision), exclusion_table(decision))
    console().print(*(table for table in tables if table.row_count), sep="\n", end="")
    for line in filter(None, (other_models(decision), *verdict(decision))):
        say(line)
