"""The hot statements, made of the schema. They are kept as text in `statements.py`, so that no start waits for this.

`python -m router.engine.store.queries` writes that file anew.
"""

from collections.abc import Mapping
from pathlib import Path
from textwrap import fill
from types import MappingProxyType
from typing import Final

from sqlalchemy import (
    Column,
    ColumnElement,
    CompoundSelect,
    FromClause,
    Insert,
    Integer,
    ScalarSelect,
    Select,
    Table,
    Update,
    bindparam,
    case,
    cast,
    exists,
    func,
    literal_column,
    or_,
    select,
    text,
    tuple_,
    union_all,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql import ClauseElement, Delete

from router.core.budget import DAY_S
from router.engine.store.schema import (
    ADJUSTED_ENTRY,
    CLOSING_ENTRY,
    OPEN_JOB,
    PENDING_ENTRY,
    UNCERTAIN_ATTEMPT,
    attempts,
    decisions,
    idempotency_keys,
    input_images,
    jobs,
    ledger_entries,
)

# SQLAlchemy would bind a zero of its own here, and the driver would ask for its name.
_NO_OFFSET = literal_column("0", Integer)
_DIALECT = sqlite.dialect(paramstyle="named")
_WRITTEN_BY_DATABASE = {"sequence"}
_JOB_COLUMNS = tuple(column for column in jobs.c if column.name != "sequence")
_ENTRY_COLUMNS = tuple(column for column in ledger_entries.c if column.name != "sequence")
JOB_MUTABLE: Final = ("state", "ended_at", "failure_stage", "failure_reason", "failure_code", "failure_message")
ATTEMPT_ACCEPTED: Final = ("state", "remote_id", "accepted_at")
"""What changes of an attempt when it begins to run: of one being submitted all else is empty."""
ATTEMPT_MUTABLE: Final = (
    *ATTEMPT_ACCEPTED,
    "ended_at",
    "stage",
    "reason",
    "code",
    "content_url",
    "content_type",
    "content_bytes",
    "content_expires_at",
)


def _compiled(statement: ClauseElement) -> str:
    # No literal here has a space in it.
    return " ".join(str(statement.compile(dialect=_DIALECT)).split())


def _insert(table: Table) -> str:
    names = [name for name in table.c.keys() if name not in _WRITTEN_BY_DATABASE]  # noqa: SIM118 - not a mapping
    return " ".join(str(table.insert().compile(dialect=_DIALECT, column_keys=names)).split())


def _compare_and_swap(table: Table, mutable: tuple[str, ...]) -> Update:
    """Update the row `key_id` only while it is in `key_state`."""
    unmoved = (table.c.id == bindparam("key_id")) & (table.c.state == bindparam("key_state"))
    return table.update().where(unmoved).values({name: bindparam(name) for name in mutable})


def _taken(by: FromClause) -> Select[tuple[object, ...]]:
    """Select a one for each other attempt submitted at or after `since` that has this id of the provider."""
    return select(literal_column("1")).where(
        by.c.provider == bindparam("provider"),
        by.c.remote_id == bindparam("remote_id"),
        by.c.id != bindparam("id"),
        by.c.submitted_at >= bindparam("since"),
    )


def _closing_entry() -> Insert:
    """Insert an entry only while its attempt is in `key_state`: before the attempt's end, as the triggers demand."""
    names = [column.name for column in _ENTRY_COLUMNS]
    unmoved = exists().where(attempts.c.id == bindparam("key_id"), attempts.c.state == bindparam("key_state"))
    return ledger_entries.insert().from_select(names, select(*map(bindparam, names)).where(unmoved))


def _entries(mine: ColumnElement[bool]) -> CompoundSelect[tuple[object, ...]]:
    """Select the entries of some attempts in the order they were written, each kind through its own index."""
    kinds = (PENDING_ENTRY, CLOSING_ENTRY, ADJUSTED_ENTRY)
    columns = (*_ENTRY_COLUMNS, ledger_entries.c.sequence)
    of_attempt = attempts.c.id == ledger_entries.c.attempt_id
    found = (
        select(*columns).join_from(attempts, ledger_entries, of_attempt).where(mine, text(f"ledger_entries.{kind}"))
        for kind in kinds
    )
    return union_all(*found).order_by(text("sequence"))


def _page(*, descending: bool) -> Select[tuple[object, ...]]:
    sequence = jobs.c.sequence
    behind = sequence < bindparam("sequence") if descending else sequence > bindparam("sequence")
    visible = (jobs.c.caller == bindparam("caller")) & jobs.c.deleted_at.is_(None)
    order = sequence.desc() if descending else sequence.asc()
    return select(*_JOB_COLUMNS).where(visible, behind).order_by(order).limit(bindparam("limit")).offset(_NO_OFFSET)


def _unused_keys() -> Delete:
    """Delete the keys of jobs due before `before`, at most `limit` of them, so that no transaction becomes long."""
    key: tuple[Column[str], Column[str]] = (idempotency_keys.c.caller, idempotency_keys.c.key)
    # No job is due before it was created, and only that has an index.
    created_before = idempotency_keys.c.created_at < bindparam("before")
    old = (
        select(*key)
        .join_from(idempotency_keys, jobs)
        .where(created_before, jobs.c.deadline_at < bindparam("before"))
        .limit(bindparam("limit"))
        .offset(_NO_OFFSET)
    )
    return idempotency_keys.delete().where(tuple_(*key).in_(old))


def _with_money() -> Select[tuple[object, ...]]:
    """Select attempts with whether they were billed."""
    return select(*attempts.c, _billed()).join_from(attempts, ledger_entries, _closed(), isouter=True)


def _with_attempts(sequences: ScalarSelect[int]) -> Select[tuple[object, ...]]:
    """Select jobs in the order of their creation, with their attempts: a row for each of those, or one without any."""
    each = jobs.outerjoin(attempts, attempts.c.job_id == jobs.c.id).outerjoin(ledger_entries, _closed())
    return (
        select(*_JOB_COLUMNS, *attempts.c, _billed())
        .select_from(each)
        .where(jobs.c.sequence.in_(sequences))
        .order_by(jobs.c.sequence, attempts.c.number)
    )


def _closed() -> ColumnElement[bool]:
    return (ledger_entries.c.attempt_id == attempts.c.id) & text(f"ledger_entries.{CLOSING_ENTRY}")


def _billed() -> ColumnElement[bool]:
    """Whether an attempt was billed: NULL while its money is open, a correction's word before all."""
    is_posted = ledger_entries.c.kind == text("'posted'")
    posted = case((is_posted, ledger_entries.c.amount_microusd), else_=text("0"))
    return func.coalesce(posted + _adjustments() > text("0"), is_posted)


def _bookings() -> Select[tuple[object, ...]]:
    """Select what the attempts since `since` cost, but for the open ones that jobs still live with: sums by their days.

    One whose money is open although its job has ended otherwise comes by itself.
    """
    pending, closing = ledger_entries.alias("pending"), ledger_entries.alias("closing")
    opened = (pending.c.attempt_id == attempts.c.id) & text(f"pending.{PENDING_ENTRY}")
    closed = (closing.c.attempt_id == attempts.c.id) & text(f"closing.{CLOSING_ENTRY}")
    open_id = case((closing.c.kind.is_(None), attempts.c.id))
    posted = case((closing.c.kind == text("'posted'"), closing.c.amount_microusd), else_=text("0"))
    cost = case((closing.c.kind.is_(None), pending.c.amount_microusd), else_=posted + adjusted_microusd())
    at = func.min(attempts.c.submitted_at)
    return (
        select(open_id, attempts.c.provider, jobs.c.caller, at, func.sum(cost))
        .join_from(attempts, jobs, jobs.c.id == attempts.c.job_id)
        # Outer, though each attempt has one: else SQLite would begin with all there are, not with a day's attempts.
        .join(pending, opened, isouter=True)
        .join(closing, closed, isouter=True)
        .where(attempts.c.submitted_at >= bindparam("since"))
        .where(closing.c.kind.is_not(None) | ~or_(text(f"jobs.{OPEN_JOB}"), text(f"attempts.{UNCERTAIN_ATTEMPT}")))
        .group_by(
            open_id, attempts.c.provider, jobs.c.caller, cast(attempts.c.submitted_at / text(str(DAY_S)), Integer)
        )
    )


def adjusted_microusd() -> ColumnElement[int]:
    """Sum up an attempt's adjustments; 0 where there are none."""
    return func.coalesce(_adjustments(), text("0"))


def _adjustments() -> ColumnElement[int]:
    adjusted = ledger_entries.alias("adjusted")
    mine = (adjusted.c.attempt_id == attempts.c.id) & text(f"adjusted.{ADJUSTED_ENTRY}")
    return select(func.sum(adjusted.c.amount_microusd)).where(mine).correlate(attempts).scalar_subquery()


_of_job = attempts.c.job_id == bindparam("job_id")
_other = attempts.alias("other")
# By their places, so that they come in the order of their creation, and nothing has to be sorted.
_job, _uncertain = jobs.alias("job"), attempts.alias("uncertain")
_uncertain_jobs = (
    select(_job.c.sequence)
    .join_from(_uncertain, _job, _job.c.id == _uncertain.c.job_id)
    .where(text(f"uncertain.{UNCERTAIN_ATTEMPT}"))
)
_open_jobs = select(_job.c.sequence).where(text(f"job.{OPEN_JOB}")).union(_uncertain_jobs)

STATEMENTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "INSERT_JOB": _insert(jobs),
        "INSERT_IMAGE": _insert(input_images),
        "INSERT_KEY": _insert(idempotency_keys),
        "INSERT_ATTEMPT": _insert(attempts),
        "INSERT_ENTRY": _insert(ledger_entries),
        "INSERT_DECISION": _insert(decisions),
        "INSERT_CLOSING_ENTRY": _compiled(_closing_entry()),
        "MOVE_JOB": _compiled(_compare_and_swap(jobs, JOB_MUTABLE)),
        "START_JOB": _compiled(_compare_and_swap(jobs, JOB_MUTABLE).where(jobs.c.deleted_at.is_(None))),
        "MOVE_ATTEMPT": _compiled(_compare_and_swap(attempts, ATTEMPT_MUTABLE)),
        "ACCEPT_ATTEMPT": _compiled(_compare_and_swap(attempts, ATTEMPT_ACCEPTED).where(~exists(_taken(_other)))),
        "RELINK_ATTEMPT": _compiled(
            attempts.update()
            .where(attempts.c.id == bindparam("key_id"), attempts.c.state == bindparam("key_state"))
            .values(content_url=bindparam("content_url"), content_expires_at=bindparam("content_expires_at"))
        ),
        "HIDE_JOB": _compiled(
            jobs.update()
            .where(jobs.c.id == bindparam("key_id"), jobs.c.deleted_at.is_(None))
            .values(deleted_at=bindparam("deleted_at"))
        ),
        "DELETE_IMAGES": _compiled(input_images.delete().where(input_images.c.job_id == bindparam("job_id"))),
        "DELETE_KEYS": _compiled(_unused_keys()),
        # The smallest write there is: it dirties the first page even when the number stays.
        "TOUCH": "PRAGMA user_version = 0",
        "KEY": _compiled(
            select(idempotency_keys.c.fingerprint, idempotency_keys.c.job_id).where(
                idempotency_keys.c.caller == bindparam("caller"), idempotency_keys.c.key == bindparam("key")
            )
        ),
        "JOB": _compiled(select(*_JOB_COLUMNS).where(jobs.c.id == bindparam("id"))),
        "VISIBLE_JOB": _compiled(
            select(*_JOB_COLUMNS).where(jobs.c.id == bindparam("id"), jobs.c.deleted_at.is_(None))
        ),
        "SEQUENCE": _compiled(
            select(jobs.c.sequence).where(jobs.c.id == bindparam("id"), jobs.c.caller == bindparam("caller"))
        ),
        "PAGE_ASCENDING": _compiled(_page(descending=False)),
        "PAGE_DESCENDING": _compiled(_page(descending=True)),
        "IMAGES": _compiled(
            select(input_images.c.position, input_images.c.data).where(input_images.c.job_id == bindparam("job_id"))
        ),
        "ATTEMPTS": _compiled(_with_money().where(_of_job).order_by(attempts.c.number)),
        "ENTRIES": _compiled(_entries(_of_job)),
        "ENTRIES_OF_ATTEMPT": _compiled(_entries(attempts.c.id == bindparam("id"))),
        "REMOTE_ID": _compiled(_taken(attempts)),
        "LOST_SUBMITS": _compiled(
            select(
                attempts.c.id, attempts.c.upstream_model, jobs.c.model, attempts.c.seconds, jobs.c.size, jobs.c.request
            )
            .join_from(attempts, jobs, jobs.c.id == attempts.c.job_id)
            .where(
                attempts.c.submitted_at.between(bindparam("since"), bindparam("until")),
                attempts.c.provider == bindparam("provider"),
                attempts.c.id != bindparam("id"),
                # One that an operator closed without a word on its upstream job may still be the one that has it.
                text(
                    "(attempts.state IN ('submitting', 'unknown')"
                    " OR (attempts.state = 'failed' AND attempts.remote_id IS NULL AND attempts.reason = 'ambiguous'))"
                ),
            )
        ),
        "DECISIONS": _compiled(
            select(decisions.c.attempt_id, decisions.c.decided_at, decisions.c.document)
            .join_from(attempts, decisions, decisions.c.attempt_id == attempts.c.id)
            .where(_of_job)
            .order_by(attempts.c.number)
        ),
        "ENDED_ATTEMPTS": _compiled(
            _with_money()
            .add_columns(jobs.c.size)
            .join(jobs, jobs.c.id == attempts.c.job_id)
            .where(attempts.c.ended_at >= bindparam("since"))
            .order_by(attempts.c.ended_at.desc())
            .limit(bindparam("limit"))
            .offset(_NO_OFFSET)
        ),
        "BOOKINGS": _compiled(_bookings()),
        "OPEN_JOBS": _compiled(_with_attempts(_open_jobs.scalar_subquery())),
        "UNCERTAIN_JOBS": _compiled(_with_attempts(_uncertain_jobs.scalar_subquery())),
    }
)

WRITTEN: Final = Path(__file__).with_name("statements.py")
_WIDTH: Final = 120
_HEAD: Final = '"""The hot statements as text, with named parameters; written by `queries.py`."""'


def module() -> str:
    """Write the module that holds them as text."""
    texts = (f'{name}: Final = """\n{_wrapped(statement)}\n"""\n' for name, statement in STATEMENTS.items())
    return "\n".join((_HEAD, "", "from typing import Final", "", *texts))


def _wrapped(statement: str) -> str:
    return fill(statement, _WIDTH, break_long_words=False, break_on_hyphens=False)


if __name__ == "__main__":
    WRITTEN.write_text(module())
