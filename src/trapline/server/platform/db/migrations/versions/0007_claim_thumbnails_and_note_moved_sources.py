"""Claim thumbnails and note moved sources"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Claim thumbnails and note moved sources"""
    op.add_column(
        "images", sa.Column("thumbnails_claimed_until", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column("pull_sources", sa.Column("moved_at", sa.DateTime(timezone=True), nullable=True))
