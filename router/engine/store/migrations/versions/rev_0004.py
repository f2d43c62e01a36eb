"""Corrections of booked money, and what else the database can refuse by itself."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_INDEXES = {
    "uq_ledger_entries_pending": ("attempt_id", "kind = 'pending'"),
    "uq_ledger_entries_closing": ("attempt_id", "kind IN ('posted', 'voided')"),
    "uq_ledger_entries_delivered": ("job_id", "kind = 'posted' AND cost_kind = 'delivered'"),
    "ix_ledger_entries_adjusted": ("attempt_id", "kind = 'adjusted'"),
}


def upgrade() -> None:
    """Let the ledger take adjusted entries, find attempts by their remote ids, and state more of what must hold."""
    _ledger_entries()
    op.create_index(
        "ix_attempts_remote_id",
        "attempts",
        ["provider", "remote_id"],
        sqlite_where=sa.text("remote_id IS NOT NULL"),
        postgresql_where=sa.text("remote_id IS NOT NULL"),
    )
    if op.get_bind().dialect.name == "sqlite":
        for name, (when, why) in _TRIGGERS.items():
            op.execute(f"CREATE TRIGGER {name} {when} BEGIN SELECT RAISE(ABORT, '{why}'); END")


def _ledger_entries() -> None:
    """Make the table anew, for SQLite changes no constraint of one that is there."""
    op.drop_index("uq_ledger_entries_closing", "ledger_entries")
    # Its triggers follow it, and go with it.
    op.rename_table("ledger_entries", "ledger_entries_0003")
    _create_ledger_entries()
    op.execute(
        "INSERT INTO ledger_entries (sequence, attempt_id, job_id, provider, kind, amount_microusd, at, cost_kind)"
        " SELECT sequence, attempt_id, job_id, provider, kind, amount_microusd, at, cost_kind"
        " FROM ledger_entries_0003 ORDER BY sequence"
    )
    op.drop_table("ledger_entries_0003")
    for name, (column, where) in _INDEXES.items():
        condition = sa.text(where)
        unique = name.startswith("uq_")
        op.create_index(
            name, "ledger_entries", [column], unique=unique, sqlite_where=condition, postgresql_where=condition
        )


def _create_ledger_entries() -> None:
    op.create_table(
        "ledger_entries",
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("attempt_id", sa.Text(), nullable=False),
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("amount_microusd", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("cost_kind", sa.Text()),
        sa.Column("note", sa.Text()),
        sa.CheckConstraint(
            "(kind IN ('posted', 'adjusted')) = (cost_kind IS NOT NULL)",
            name=op.f("ck_ledger_entries_cost_kind_posted"),
        ),
        sa.CheckConstraint(
            "cost_kind IN ('delivered', 'failed_billed', 'duplicate')", name=op.f("ck_ledger_entries_cost_kind")
        ),
        sa.CheckConstraint("kind IN ('pending', 'posted', 'voided', 'adjusted')", name=op.f("ck_ledger_entries_kind")),
        sa.CheckConstraint(
            "CASE kind WHEN 'adjusted' THEN amount_microusd <> 0 ELSE amount_microusd >= 0 END",
            name=op.f("ck_ledger_entries_amount"),
        ),
        sa.CheckConstraint("(kind = 'adjusted') = (note IS NOT NULL)", name=op.f("ck_ledger_entries_note_adjusted")),
        sa.CheckConstraint("length(note) BETWEEN 1 AND 200", name=op.f("ck_ledger_entries_note")),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempts.id"], name="fk_ledger_entries_attempt_id_attempts"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_ledger_entries_job_id_jobs"),
        sa.PrimaryKeyConstraint("sequence", name="pk_ledger_entries"),
    )


_TRIGGERS = {
    "ledger_entries_no_update": ("BEFORE UPDATE ON ledger_entries", "ledger entries are append-only"),
    "ledger_entries_no_delete": ("BEFORE DELETE ON ledger_entries", "ledger entries are append-only"),
    "ledger_entries_attempt": (
        "BEFORE INSERT ON ledger_entries WHEN NOT EXISTS"
        " (SELECT 1 FROM attempts WHERE id = NEW.attempt_id AND job_id = NEW.job_id"
        " AND provider = NEW.provider"
        " AND (NEW.kind NOT IN ('pending', 'voided') OR quote_microusd = NEW.amount_microusd))",
        "an entry is of its attempt, job and provider, and a pending or voided one is the quote",
    ),
    "ledger_entries_order": (
        "BEFORE INSERT ON ledger_entries WHEN NEW.kind <> 'pending'"
        " AND NOT EXISTS (SELECT 1 FROM ledger_entries WHERE attempt_id = NEW.attempt_id AND kind = 'pending')",
        "money is pending before it is anything else",
    ),
    "ledger_entries_adjusted": (
        "BEFORE INSERT ON ledger_entries WHEN NEW.kind = 'adjusted' AND ("
        "NEW.cost_kind IS NOT (SELECT coalesce(cost_kind, 'failed_billed') FROM ledger_entries"
        " WHERE attempt_id = NEW.attempt_id AND kind IN ('posted', 'voided'))"
        " OR NEW.amount_microusd + (SELECT CASE kind WHEN 'posted' THEN amount_microusd ELSE 0 END"
        " FROM ledger_entries WHERE attempt_id = NEW.attempt_id AND kind IN ('posted', 'voided'))"
        " + (SELECT coalesce(sum(amount_microusd), 0) FROM ledger_entries"
        " WHERE attempt_id = NEW.attempt_id AND kind = 'adjusted') < 0)",
        "an adjustment is of closed money and its kind, and leaves no less than nothing",
    ),
    "attempts_frozen": (
        "BEFORE UPDATE OF id, job_id, number, offering_id, provider, upstream_model, seconds, quote_microusd,"
        " submitted_at ON attempts",
        "what an attempt is, and its price, never change",
    ),
    "attempts_begin": (
        "BEFORE INSERT ON attempts WHEN NOT EXISTS"
        " (SELECT 1 FROM jobs WHERE id = NEW.job_id AND state = 'in_progress')"
        " OR NEW.number > 1 AND NOT EXISTS"
        " (SELECT 1 FROM attempts WHERE job_id = NEW.job_id AND number = NEW.number - 1)",
        "an attempt is the next one of a job in progress",
    ),
    "attempts_remote_id": (
        "BEFORE UPDATE OF remote_id ON attempts WHEN NEW.remote_id IS NOT OLD.remote_id AND OLD.remote_id IS NOT NULL",
        "an attempt stays the remote job that it was found to be",
    ),
    "attempts_succeeded": (
        "BEFORE UPDATE OF state ON attempts WHEN NEW.state = 'succeeded'"
        " AND NOT EXISTS (SELECT 1 FROM ledger_entries WHERE attempt_id = NEW.id AND kind IN ('posted', 'voided')"
        " AND cost_kind IN ('delivered', 'duplicate'))",
        "an attempt succeeds with its money posted",
    ),
    "attempts_failed": (
        "BEFORE UPDATE OF state ON attempts WHEN NEW.state = 'failed'"
        " AND NOT EXISTS (SELECT 1 FROM ledger_entries WHERE attempt_id = NEW.id AND kind IN ('posted', 'voided')"
        " AND coalesce(cost_kind, 'failed_billed') = 'failed_billed')",
        "an attempt fails with its money posted or voided",
    ),
    "attempts_open": (
        "BEFORE UPDATE OF state ON attempts WHEN NEW.state NOT IN ('succeeded', 'failed')"
        " AND EXISTS (SELECT 1 FROM ledger_entries WHERE attempt_id = NEW.id AND kind IN ('posted', 'voided'))",
        "an attempt whose money is closed has ended",
    ),
    "jobs_frozen": (
        "BEFORE UPDATE OF id, caller, model, seconds, size, request, created_at ON jobs",
        "what was asked for never changes",
    ),
    "jobs_ended": (
        "BEFORE UPDATE OF state ON jobs WHEN OLD.state IN ('completed', 'failed') AND NEW.state <> OLD.state",
        "a job ends once",
    ),
    "jobs_completed": (
        "BEFORE UPDATE OF state ON jobs WHEN NEW.state = 'completed' AND NOT EXISTS"
        " (SELECT 1 FROM ledger_entries WHERE job_id = NEW.id AND kind = 'posted' AND cost_kind = 'delivered')",
        "a job is completed by a video that is paid for",
    ),
}
