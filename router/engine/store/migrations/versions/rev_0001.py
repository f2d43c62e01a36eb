"""Jobs, attempts, the ledger and idempotency keys."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create everything."""
    _jobs()
    _attempts()
    _idempotency_keys()
    _input_images()
    _ledger_entries()
    _append_only()


def _jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("caller", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("seconds", sa.Integer(), nullable=False),
        sa.Column("size", sa.Text(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("preferences", sa.Text(), nullable=False),
        sa.Column("metadata", sa.Text(), nullable=False),
        sa.Column("trace_parent", sa.Text()),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("deadline_at", sa.Double(), nullable=False),
        sa.Column("ended_at", sa.Double()),
        sa.Column("failure_stage", sa.Text()),
        sa.Column("failure_reason", sa.Text()),
        sa.Column("failure_code", sa.Text()),
        sa.Column("failure_message", sa.Text()),
        sa.Column("deleted_at", sa.Double()),
        sa.CheckConstraint("(state = 'failed') = (failure_reason IS NOT NULL)", name=op.f("ck_jobs_failure_reason")),
        sa.CheckConstraint("(state = 'failed') = (failure_stage IS NOT NULL)", name=op.f("ck_jobs_failure_stage")),
        sa.CheckConstraint("(state IN ('completed', 'failed')) = (ended_at IS NOT NULL)", name=op.f("ck_jobs_ended")),
        sa.CheckConstraint("state IN ('queued', 'in_progress', 'completed', 'failed')", name=op.f("ck_jobs_state")),
        sa.CheckConstraint("seconds > 0", name=op.f("ck_jobs_seconds")),
        sa.PrimaryKeyConstraint("sequence", name="pk_jobs"),
        sa.UniqueConstraint("id", name="uq_jobs_id"),
    )
    op.create_index(
        "ix_jobs_open",
        "jobs",
        ["state"],
        sqlite_where=sa.text("state IN ('queued', 'in_progress')"),
        postgresql_where=sa.text("state IN ('queued', 'in_progress')"),
    )
    op.create_index(
        "ix_jobs_visible",
        "jobs",
        ["caller", "sequence"],
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    )


def _attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("offering_id", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("upstream_model", sa.Text(), nullable=False),
        sa.Column("seconds", sa.Integer(), nullable=False),
        sa.Column("quote_microusd", sa.BigInteger(), nullable=False),
        sa.Column("submitted_at", sa.Double(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("remote_id", sa.Text()),
        sa.Column("accepted_at", sa.Double()),
        sa.Column("ended_at", sa.Double()),
        sa.Column("stage", sa.Text()),
        sa.Column("reason", sa.Text()),
        sa.Column("code", sa.Text()),
        sa.Column("content_url", sa.Text()),
        sa.Column("content_type", sa.Text()),
        sa.Column("content_bytes", sa.BigInteger()),
        sa.CheckConstraint(
            "state IN ('submitting', 'running', 'late', 'unknown', 'succeeded', 'failed')",
            name=op.f("ck_attempts_state"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('running', 'late', 'succeeded') OR remote_id IS NOT NULL", name=op.f("ck_attempts_remote_id")
        ),
        sa.CheckConstraint("content_bytes >= 0", name=op.f("ck_attempts_content_bytes")),
        sa.CheckConstraint("number > 0", name=op.f("ck_attempts_number")),
        sa.CheckConstraint("quote_microusd >= 0", name=op.f("ck_attempts_quote_microusd")),
        sa.CheckConstraint("seconds > 0", name=op.f("ck_attempts_seconds")),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_attempts_job_id_jobs"),
        sa.PrimaryKeyConstraint("id", name="pk_attempts"),
        sa.UniqueConstraint("job_id", "number", name="uq_attempts_job_id_number"),
    )
    op.create_index(
        "ix_attempts_uncertain",
        "attempts",
        ["job_id"],
        sqlite_where=sa.text("state IN ('late', 'unknown')"),
        postgresql_where=sa.text("state IN ('late', 'unknown')"),
    )


def _idempotency_keys() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("caller", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_idempotency_keys_job_id_jobs"),
        sa.PrimaryKeyConstraint("caller", "key", name="pk_idempotency_keys"),
    )
    op.create_index("ix_idempotency_keys_created_at", "idempotency_keys", ["created_at"])


def _input_images() -> None:
    op.create_table(
        "input_images",
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_input_images_job_id_jobs"),
        sa.PrimaryKeyConstraint("job_id", "position", name="pk_input_images"),
    )


def _ledger_entries() -> None:
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
        sa.CheckConstraint(
            "(kind = 'posted') = (cost_kind IS NOT NULL)", name=op.f("ck_ledger_entries_cost_kind_posted")
        ),
        sa.CheckConstraint(
            "cost_kind IN ('delivered', 'failed_billed', 'duplicate')", name=op.f("ck_ledger_entries_cost_kind")
        ),
        sa.CheckConstraint("kind IN ('pending', 'posted', 'voided')", name=op.f("ck_ledger_entries_kind")),
        sa.CheckConstraint("amount_microusd >= 0", name=op.f("ck_ledger_entries_amount_microusd")),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempts.id"], name="fk_ledger_entries_attempt_id_attempts"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_ledger_entries_job_id_jobs"),
        sa.PrimaryKeyConstraint("sequence", name="pk_ledger_entries"),
        sa.UniqueConstraint("attempt_id", "kind", name="uq_ledger_entries_attempt_id_kind"),
    )
    op.create_index(
        "uq_ledger_entries_closing",
        "ledger_entries",
        ["attempt_id"],
        unique=True,
        sqlite_where=sa.text("kind IN ('posted', 'voided')"),
        postgresql_where=sa.text("kind IN ('posted', 'voided')"),
    )


def _append_only() -> None:
    if op.get_bind().dialect.name != "sqlite":
        return
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER ledger_entries_no_{verb.lower()} BEFORE {verb} ON ledger_entries "
            "BEGIN SELECT RAISE(ABORT, 'ledger entries are append-only'); END"
        )
