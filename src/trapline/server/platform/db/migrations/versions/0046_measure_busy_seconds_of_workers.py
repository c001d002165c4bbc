"""Measure busy seconds of workers, and record the tasks that they have begun"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0046"
down_revision = "0042"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Count the seconds in which a caller holds tasks; existing rows keep the rate that they had."""
    op.add_column("holders", sa.Column("busy_s", sa.Float(), server_default="0", nullable=False))
    op.add_column("holders", sa.Column("credited_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "workers",
        sa.Column("begun", postgresql.ARRAY(sa.Uuid()), server_default="{}", nullable=False),
    )
    op.execute(
        "update holders set busy_s = greatest(0, extract(epoch from last_contact_at - first_contact_at)) "
        "where completed > 0"
    )
