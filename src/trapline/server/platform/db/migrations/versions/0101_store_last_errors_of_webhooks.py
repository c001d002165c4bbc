"""Store the last errors of webhooks"""

from alembic import op

revision = "0101"
down_revision = "0100"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, empty: an older program leaves it so."""
    op.execute("alter table webhooks add column last_error text")


def downgrade() -> None:
    """Drop the column."""
    op.execute("alter table webhooks drop column last_error")
