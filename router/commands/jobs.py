"""`video-router jobs`: one job whole, what nobody knows the cost of, and saying what became of it."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, assert_never

import typer
from pydantic import TypeAdapter
from typer.core import TyperCommand

from router.commands.files import readable
from router.commands.options import DATABASE, Admin, AsJson, Database
from router.commands.orders import ordered
from router.commands.terminal import console, say, stop
from router.core.decision_record import DecisionRecord
from router.core.money import parse_usd, usd
from router.engine.store.open_money import read_open_money
from router.engine.store.whole_job import read_whole_job
from router.http.decision_object import OWN, decision_object
from router.reports.decisions import candidate_table, exclusion_table, verdict
from router.reports.entries import entry_table
from router.reports.open_money import open_money_document, open_money_table, open_sum_table
from router.reports.whole_jobs import attempt_table, job_document, job_lines
from router.top.endpoint import LOCAL

jobs: Final = typer.Typer(
    name="jobs",
    help="One job with everything that is known of it; attempts that nobody knows the cost of, and resolving one.",
)
_QUOTE: Final = "quote"
PATH: Final = "/admin/attempts/resolve"
_HOW: Final = (
    "A running router asks about late ones for a while, and looks for unknown ones where the provider has a list. Look"
    " for the others there yourself, by time, model and length, then run `video-router jobs resolve ATTEMPT` with"
    " --found REMOTE_ID, --not-found or --billed [USD]."
)

JobId = Annotated[str, typer.Argument(metavar="ID", help="A job, video_..., or one of its attempts, video_...-N.")]
Everything = Annotated[bool, typer.Option("--all", help="Show those being submitted and running, too.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="An attempt, video_...-N, or a job with one open attempt.")]
FoundId = Annotated[str | None, typer.Option("--found", metavar="REMOTE_ID", help="The provider has it under this id.")]
BilledAmount = Annotated[
    str | None,
    typer.Option("--billed", metavar="[USD]", help="The provider billed it and nobody got it; without USD, the quote."),
]
NotFoundFlag = Annotated[bool, typer.Option("--not-found", help="The provider never took it on, or never billed it.")]


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the router says an attempt is now; an open one is booked as nothing yet."""

    id: str
    booked: Literal["voided", "posted"] | None
    amount_microusd: int
    remote_id: str | None = None
    cost_kind: str | None = None


_ANSWER: Final = TypeAdapter(_Answer)


@jobs.command()
def show(id_: JobId, db: Database = DATABASE, as_json: AsJson = False) -> None:
    """Show one job whole: what was asked, every attempt and why it went there, every entry; never the prompt."""
    with readable(db):
        whole = read_whole_job(db, id_)
    if whole is None:
        stop(f"{db} has no job {id_[:128]!r}; `video-router report --jobs` lists the jobs that bought something")
    if as_json:
        typer.echo(json.dumps({**job_document(whole), "decisions": _decision_objects(whole.decisions)}, indent=2))
        return
    for line in job_lines(whole):
        say(line)
    tables = (attempt_table(whole), entry_table(whole.entries))
    console().print("", *(table for table in tables if table.row_count), sep="\n", end="")
    for attempt_id, decision in whole.decisions.items():
        console().print(f"\n[bold]{attempt_id} went to {decision.chosen}[/bold]", highlight=False)
        tables = (candidate_table(decision), exclusion_table(decision))
        console().print(*(table for table in tables if table.row_count), sep="\n", end="")
        for line in verdict(decision):
            say(line)


def _decision_objects(decisions: Mapping[str, DecisionRecord]) -> list[dict[str, Any]]:
    return [{"attempt": attempt_id, **decision_object(each, OWN)} for attempt_id, each in decisions.items()]


@jobs.command()
def unknown(db: Database = DATABASE, every: Everything = False, as_json: AsJson = False) -> None:
    """List the attempts that nobody knows the cost of, the oldest first, and the sum with each provider."""
    with readable(db):
        found, now = read_open_money(db, every=every), time.time()
    if as_json:
        typer.echo(open_money_document(found, now))
    elif not found:
        say("no money is uncertain" if not every else "no money is open")
    else:
        console().print(open_money_table(found, now), open_sum_table(found, now), sep="\n", end="")
        say(_HOW)


class _Resolving(TyperCommand):
    """Lets `--billed` go without an amount, which then is the quote."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Say so where neither an amount nor anything else that could be meant as one follows."""
        whole: list[str] = []
        for place, arg in enumerate(args):
            whole.append(arg)
            if arg == "--billed" and (place + 1 == len(args) or args[place + 1].startswith(("-", "video_"))):
                whole.append(_QUOTE)
        return super().parse_args(ctx, whole)


@jobs.command(cls=_Resolving)
def resolve(
    id_: Id, found: FoundId = None, not_found: NotFoundFlag = False, billed: BilledAmount = None, admin: Admin = LOCAL
) -> None:
    """Say what became of an attempt whose money is open; the router that runs books it."""
    order = _order(found, not_found=not_found, billed=billed)
    otherwise = "a resolution; look with `video-router jobs unknown`"
    say(_outcome(ordered(admin, PATH, {"id": id_, **order}, _ANSWER, otherwise)))


def _order(found: str | None, *, not_found: bool, billed: str | None) -> dict[str, object]:
    """Put into the order which one of the three was said."""
    said: list[dict[str, object]] = []
    if found is not None:
        # An id that was told stays, so the next option is not taken for one where a script's variable was empty.
        if found.startswith("--"):
            raise typer.BadParameter(f"it needs the provider's id of the job; {found} is none", param_hint="--found")
        said.append({"found": found})
    if not_found:
        said.append({"not_found": True})
    if billed is not None:
        said.append({"billed": True if billed == _QUOTE else _amount(billed)})
    if len(said) != 1:
        raise typer.BadParameter("say one of --found REMOTE_ID, --not-found and --billed [USD]")
    return said[0]


def _amount(text: str) -> str:
    try:
        parse_usd(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--billed") from None
    return text


def _outcome(answer: _Answer) -> str:
    amount = f"{usd(answer.amount_microusd)} USD"
    match answer.booked:
        case "voided":
            return f"{answer.id}: voided, {amount} released"
        case "posted":
            return f"{answer.id}: posted {amount} as {answer.cost_kind}"
        case None:
            return f"{answer.id}: found: asked about under {answer.remote_id} until its money is known"
        case _:
            assert_never(answer.booked)
