"""When the link to a delivered video dies."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a column: of older videos it is not known."""
    op.add_column("attempts", sa.Column("content_expires_at", sa.Double()))
