"""A day's attempts without reading those of all days before."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Index when attempts were submitted."""
    op.create_index("ix_attempts_submitted_at", "attempts", ["submitted_at"])
