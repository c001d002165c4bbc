"""Delete projects"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Delete projects"""
    op.add_column("projects", sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("projects", sa.Column("paused_with_it", JSONB(), nullable=True))
    op.create_index(
        "ix_projects_deleted",
        "projects",
        ["deleted_at"],
        postgresql_where=sa.text("deleted_at is not null"),
    )
