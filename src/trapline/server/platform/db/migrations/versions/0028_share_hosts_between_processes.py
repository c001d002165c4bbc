"""Share hosts between processes"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Deliveries of before are in nobody's hands: their processes end with the upgrade."""
    op.add_column(
        "webhook_deliveries", sa.Column("taken_until", sa.DateTime(timezone=True), nullable=True)
    )
    op.create_index(
        "ix_webhook_deliveries_taken",
        "webhook_deliveries",
        ["webhook_id", "taken_until"],
        postgresql_where="taken_until is not null",
    )
    op.create_table(
        "host_turns",
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("host", "place", name="pk_host_turns"),
    )
