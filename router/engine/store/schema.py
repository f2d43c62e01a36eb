"""The one schema. Its constraints state what must stay true whoever writes; times are wall seconds.

`python -m router.engine.store.schema` writes `schema.sql`, which new files are made of, anew.
"""

from enum import StrEnum
from pathlib import Path
from typing import Final

from sqlalchemy import (
    DDL,
    BigInteger,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    event,
    text,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable, DDLElement

from router.core.job import AttemptState, JobState
from router.core.ledger import NOTE_CHARS_MAX, CostKind, EntryKind
from router.engine.store.revision import REVISION
from router.engine.store.triggers import TRIGGERS

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# Written out, not bound: SQLite takes a partial index only for a query that repeats its condition literally.
OPEN_JOB: Final = "state IN ('queued', 'in_progress')"
UNCERTAIN_ATTEMPT: Final = "state IN ('late', 'unknown')"
VISIBLE_JOB: Final = "deleted_at IS NULL"
PENDING_ENTRY: Final = "kind = 'pending'"
CLOSING_ENTRY: Final = "kind IN ('posted', 'voided')"
ADJUSTED_ENTRY: Final = "kind = 'adjusted'"
_DELIVERED_ENTRY: Final = "kind = 'posted' AND cost_kind = 'delivered'"


def _one_of(column: str, *members: StrEnum) -> CheckConstraint:
    listed = ", ".join(f"'{member.value}'" for member in members)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def _sequence() -> Column[int]:
    """Number rows in the order of their creation; on SQLite this is the rowid itself."""
    return Column("sequence", BigInteger().with_variant(Integer, "sqlite"), primary_key=True)


def _partial_index(name: str, table_column: str, where: str, *more: str, unique: bool = False) -> Index:
    return Index(name, table_column, *more, unique=unique, sqlite_where=text(where), postgresql_where=text(where))


jobs = Table(
    "jobs",
    metadata,
    _sequence(),
    Column("id", Text, nullable=False, unique=True),
    Column("caller", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("seconds", Integer, nullable=False),
    Column("size", Text, nullable=False),
    Column("request", Text, nullable=False),
    Column("preferences", Text, nullable=False),
    Column("metadata", Text, nullable=False),
    Column("trace_parent", Text),
    Column("created_at", Double, nullable=False),
    Column("deadline_at", Double, nullable=False),
    Column("ended_at", Double),
    Column("failure_stage", Text),
    Column("failure_reason", Text),
    Column("failure_code", Text),
    Column("failure_message", Text),
    Column("deleted_at", Double),
    _one_of("state", *JobState),
    CheckConstraint("seconds > 0", name="seconds"),
    CheckConstraint("(state IN ('completed', 'failed')) = (ended_at IS NOT NULL)", name="ended"),
    CheckConstraint("(state = 'failed') = (failure_stage IS NOT NULL)", name="failure_stage"),
    CheckConstraint("(state = 'failed') = (failure_reason IS NOT NULL)", name="failure_reason"),
    _partial_index("ix_jobs_open", "state", OPEN_JOB),
    _partial_index("ix_jobs_visible", "caller", VISIBLE_JOB, "sequence"),
)

input_images = Table(
    "input_images",
    metadata,
    Column("job_id", Text, ForeignKey("jobs.id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),
    PrimaryKeyConstraint("job_id", "position"),
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", Text, nullable=False),
    Column("job_id", Text, ForeignKey("jobs.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("offering_id", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("upstream_model", Text, nullable=False),
    Column("seconds", Integer, nullable=False),
    Column("quote_microusd", BigInteger, nullable=False),
    Column("submitted_at", Double, nullable=False),
    Column("state", Text, nullable=False),
    Column("remote_id", Text),
    Column("accepted_at", Double),
    Column("ended_at", Double),
    Column("stage", Text),
    Column("reason", Text),
    Column("code", Text),
    Column("content_url", Text),
    Column("content_type", Text),
    Column("content_bytes", BigInteger),
    Column("content_expires_at", Double),
    PrimaryKeyConstraint("id"),
    UniqueConstraint("job_id", "number"),
    _one_of("state", *AttemptState),
    CheckConstraint("number > 0", name="number"),
    CheckConstraint("seconds > 0", name="seconds"),
    CheckConstraint("quote_microusd >= 0", name="quote_microusd"),
    CheckConstraint("content_bytes >= 0", name="content_bytes"),
    CheckConstraint("state NOT IN ('running', 'late', 'succeeded') OR remote_id IS NOT NULL", name="remote_id"),
    Index("ix_attempts_submitted_at", "submitted_at"),
    _partial_index("ix_attempts_ended_at", "ended_at", "ended_at IS NOT NULL"),
    _partial_index("ix_attempts_uncertain", "job_id", UNCERTAIN_ATTEMPT),
    _partial_index("ix_attempts_remote_id", "provider", "remote_id IS NOT NULL", "remote_id"),
)

ledger_entries = Table(
    "ledger_entries",
    metadata,
    _sequence(),
    Column("attempt_id", Text, ForeignKey("attempts.id"), nullable=False),
    Column("job_id", Text, ForeignKey("jobs.id"), nullable=False),
    Column("provider", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("amount_microusd", BigInteger, nullable=False),
    Column("at", Double, nullable=False),
    Column("cost_kind", Text),
    Column("note", Text),
    _one_of("kind", *EntryKind),
    _one_of("cost_kind", *(kind for kind in CostKind if kind is not CostKind.UNCERTAIN)),
    CheckConstraint("(kind IN ('posted', 'adjusted')) = (cost_kind IS NOT NULL)", name="cost_kind_posted"),
    CheckConstraint("CASE kind WHEN 'adjusted' THEN amount_microusd <> 0 ELSE amount_microusd >= 0 END", name="amount"),
    CheckConstraint("(kind = 'adjusted') = (note IS NOT NULL)", name="note_adjusted"),
    CheckConstraint(f"length(note) BETWEEN 1 AND {NOTE_CHARS_MAX}", name="note"),
    _partial_index("uq_ledger_entries_pending", "attempt_id", PENDING_ENTRY, unique=True),
    _partial_index("uq_ledger_entries_closing", "attempt_id", CLOSING_ENTRY, unique=True),
    _partial_index("uq_ledger_entries_delivered", "job_id", _DELIVERED_ENTRY, unique=True),
    _partial_index("ix_ledger_entries_adjusted", "attempt_id", ADJUSTED_ENTRY),
)

decisions = Table(
    "decisions",
    metadata,
    Column("attempt_id", Text, ForeignKey("attempts.id"), nullable=False),
    Column("decided_at", Double, nullable=False),
    Column("document", Text, nullable=False),
    PrimaryKeyConstraint("attempt_id"),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("caller", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("job_id", Text, ForeignKey("jobs.id"), nullable=False),
    Column("created_at", Double, nullable=False, index=True),
    PrimaryKeyConstraint("caller", "key"),
)

for _trigger in TRIGGERS.values():
    event.listen(metadata, "after_create", DDL(_trigger).execute_if(dialect="sqlite"))  # type: ignore[no-untyped-call]

WRITTEN: Final = Path(__file__).with_name("schema.sql")


def script() -> str:
    """Write what makes a file of the newest revision, the statements apart by a blank line."""
    tables = metadata.sorted_tables
    indexes = sorted((index for table in tables for index in table.indexes), key=lambda index: str(index.name))
    made: list[DDLElement] = [*map(CreateTable, tables), *map(CreateIndex, indexes)]
    texts = (str(each.compile(dialect=sqlite.dialect())) for each in made)
    statements = ["\n".join(line.rstrip().expandtabs(4) for line in text.strip().splitlines()) for text in texts]
    return "\n\n".join((*statements, *TRIGGERS.values(), *_REVISION)) + "\n"


# As Alembic makes it.
_REVISION: Final = (
    "CREATE TABLE alembic_version (\n    version_num VARCHAR(32) NOT NULL,\n"
    "    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)\n)",
    f"INSERT INTO alembic_version (version_num) VALUES ('{REVISION}')",  # noqa: S608 - a constant
)


if __name__ == "__main__":
    WRITTEN.write_text(script())
