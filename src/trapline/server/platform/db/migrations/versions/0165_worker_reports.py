"""Store what a worker reports about its models with each renewal"""

from alembic import op

revision = "0165"
down_revision = "0180"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; null until a worker reports."""
    op.execute("alter table workers add column report jsonb")


def downgrade() -> None:
    """Drop the column."""
    op.execute("alter table workers drop column report")
