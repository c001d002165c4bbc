"""Store when a worker reported which tasks it has begun"""

from alembic import op

revision = "0170"
down_revision = "0160"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; null until a worker reports, so that nothing is taken over before."""
    op.execute("alter table workers add column begun_reported_at timestamp with time zone")


def downgrade() -> None:
    """Drop the column."""
    op.execute("alter table workers drop column begun_reported_at")
