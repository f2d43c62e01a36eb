"""`video-router ledger`: whether the books are sound, and corrections of what they say."""

from dataclasses import dataclass
from typing import Annotated, Final

import typer
from pydantic import TypeAdapter

from router.commands.files import readable
from router.commands.options import DATABASE, Admin, AsJson, Database
from router.commands.orders import ordered
from router.commands.terminal import console, say, stop
from router.core.books import Finding, Weight
from router.core.ledger import NOTE_CHARS_MAX
from router.core.money import parse_usd, usd
from router.engine.store import StoreUnavailableError, StoreVersionError
from router.engine.store.auditing import AuditSource, audit_source
from router.engine.store.entries import read_entries
from router.reports.audit import Audit
from router.reports.audit_tables import audit_document, audit_tables, verdict
from router.reports.entries import entry_document, entry_table
from router.top.endpoint import LOCAL

ledger: Final = typer.Typer(
    name="ledger", help="The books: check them from end to end, see a job's entries, correct what an attempt cost."
)
PATH: Final = "/admin/ledger/adjust"

JobId = Annotated[str, typer.Argument(metavar="ID", help="A job, video_..., or one attempt, video_...-N.")]
AttemptId = Annotated[str, typer.Argument(metavar="ATTEMPT", help="One attempt, video_...-N.")]
ToUsd = Annotated[str, typer.Option("--to", metavar="USD", help="What the attempt cost in all, such as 0.12.")]
Note = Annotated[str, typer.Option(metavar="TEXT", help=f"Why; 1 to {NOTE_CHARS_MAX} characters, kept for good.")]


@dataclass(frozen=True, slots=True)
class _Answer:
    """The entry that the router wrote, and what the attempt costs with it."""

    attempt: str
    amount_microusd: int
    cost_microusd: int
    cost_kind: str


_ANSWER: Final = TypeAdapter(_Answer)


@ledger.command()
def verify(db: Database = DATABASE, as_json: AsJson = False) -> None:
    """Check every job, attempt and entry of a file, in use or not, and add them up; exit 1 if anything is wrong."""
    audit = Audit()
    with readable(db):
        try:
            with audit_source(db) as source:
                examine(source, audit)
        except (StoreUnavailableError, StoreVersionError) as error:
            if not audit.findings:
                raise
            audit.find(Finding(Weight.ERROR, "the file", f"cannot be read to its end: {error}"))
    if as_json:
        typer.echo(audit_document(audit))
    else:
        console().print(*audit_tables(audit), sep="\n", end="")
        say(verdict(audit))
    if audit.errors:
        raise typer.Exit(1)


@ledger.command()
def show(id_: JobId, db: Database = DATABASE, as_json: AsJson = False) -> None:
    """Show all entries of a job in the order in which they were written, and why it was corrected."""
    with readable(db):
        entries = read_entries(db, id_)
    if not entries:
        stop(f"{db} has no entry of {id_[:128]!r}; `video-router report --jobs` lists the jobs that bought something")
    if as_json:
        typer.echo(entry_document(entries))
    else:
        console().print(entry_table(entries), end="")


def examine(source: AuditSource, audit: Audit) -> None:
    """Look at all there is."""
    for words in source.damages():
        audit.find(Finding(Weight.ERROR, "the file", words))
    for books in source.books():
        audit.look_at(books)
    for provider, count, first, last in source.shared_remote_ids():
        audit.find(
            Finding(Weight.WARNING, first, f"has a remote id of {provider} that {last} has, too ({count} in all)")
        )
    for job_id in source.stray_keys():
        audit.find(Finding(Weight.ERROR, job_id, "is what an idempotency key of another caller stands for"))


@ledger.command()
def adjust(attempt: AttemptId, to: ToUsd, note: Note, admin: Admin = LOCAL) -> None:
    """Correct what an ended attempt cost, as the provider's invoice has it; the router that runs books it."""
    try:
        parse_usd(to)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--to") from None
    otherwise = "a ledger entry; look with `video-router report --jobs`"
    answer = ordered(admin, PATH, {"attempt": attempt, "to_usd": to, "note": note}, _ANSWER, otherwise)
    before = answer.cost_microusd - answer.amount_microusd
    say(f"{answer.attempt}: {usd(before)} USD are {usd(answer.cost_microusd)} USD now, as {answer.cost_kind}")
