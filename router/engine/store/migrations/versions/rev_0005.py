"""Why each attempt went where it went, and the latest outcomes without reading all of them."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a table: of older attempts it is not known; and index when attempts ended."""
    op.create_table(
        "decisions",
        sa.Column("attempt_id", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.Double(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempts.id"], name="fk_decisions_attempt_id_attempts"),
        sa.PrimaryKeyConstraint("attempt_id", name="pk_decisions"),
    )
    op.create_index(
        "ix_attempts_ended_at",
        "attempts",
        ["ended_at"],
        sqlite_where=sa.text("ended_at IS NOT NULL"),
        postgresql_where=sa.text("ended_at IS NOT NULL"),
    )
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE TRIGGER decisions_no_update BEFORE UPDATE ON decisions"
            " BEGIN SELECT RAISE(ABORT, 'what was decided, and why, never changes'); END"
        )
