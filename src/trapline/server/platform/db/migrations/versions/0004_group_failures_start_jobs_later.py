"""Group failures by reason, start jobs later"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Group failures by reason, start jobs later"""
    op.add_column("analysis_details", sa.Column("reason", sa.Text(), nullable=True))
    op.execute(
        "update analysis_details set reason = left(error_message, 200) where error_message is not null"
    )
    op.add_column(
        "jobs", sa.Column("not_started", sa.Boolean(), server_default="false", nullable=False)
    )
    op.add_column("jobs", sa.Column("expected", sa.BigInteger(), nullable=True))
    op.add_column(
        "jobs",
        sa.Column(
            "edited_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
    )
