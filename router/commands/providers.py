"""`video-router providers`: how each is doing, and draining one while the router runs."""

from dataclasses import asdict, dataclass
from typing import Annotated, Final

import orjson
import typer
from pydantic import TypeAdapter

from router.commands.options import Admin, AsJson
from router.commands.orders import ordered
from router.commands.terminal import console, say, stop
from router.top.endpoint import LOCAL, AddressError, Endpoint, NoOverviewError
from router.top.health_table import health_table

providers: Final = typer.Typer(
    name="providers",
    help="The providers of a running router: how each is doing; drain one, and give it jobs again.",
    invoke_without_command=True,
)
PATH: Final = "/admin/providers/drain"
_WHERE: Final = "what became of a drain; look with `video-router providers`"

Name = Annotated[str, typer.Argument(metavar="NAME", help="A provider of the configuration.")]
OwnAdmin = Annotated[str | None, typer.Option("--admin", metavar="URL", help="Admin address of the router.")]


@dataclass(frozen=True, slots=True)
class _Answer:
    """Whether a provider is drained now, and how many attempts are still in flight there."""

    provider: str
    drained: bool
    in_flight: int


_ANSWER: Final = TypeAdapter(_Answer)


@providers.callback()
def show(context: typer.Context, admin: Admin = LOCAL, as_json: AsJson = False) -> None:
    """Show how each provider is doing."""
    context.obj = admin
    if context.invoked_subcommand is not None:
        return
    try:
        overview = Endpoint(admin).overview()
    except (AddressError, NoOverviewError) as error:
        stop(str(error))
    if as_json:
        each = [asdict(provider) for provider in overview.providers]
        typer.echo(orjson.dumps({"providers": each}, option=orjson.OPT_INDENT_2).decode())
    else:
        console().print(health_table(overview), end="")


@providers.command()
def drain(context: typer.Context, name: Name, admin: OwnAdmin = None) -> None:
    """Let a provider finish what it has, and give it nothing more, until it is resumed or the router starts anew."""
    answer = _ordered(context, admin, name, drained=True)
    say(f"{answer.provider} is drained: {answer.in_flight} in flight there are finished, and it gets no more")
    say("a restart forgets this; `drained: true` in the configuration is not forgotten")


@providers.command()
def resume(context: typer.Context, name: Name, admin: OwnAdmin = None) -> None:
    """Give a drained provider jobs again."""
    answer = _ordered(context, admin, name, drained=False)
    say(f"{answer.provider} gets jobs again; {answer.in_flight} are in flight there")


def _ordered(context: typer.Context, admin: str | None, name: str, *, drained: bool) -> _Answer:
    asked_before = str(context.obj)
    return ordered(admin or asked_before, PATH, {"provider": name, "drained": drained}, _ANSWER, _WHERE)
