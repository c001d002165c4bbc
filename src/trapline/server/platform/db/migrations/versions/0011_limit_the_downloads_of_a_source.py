"""Limit the downloads of a source"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Limit the downloads of a source"""
    op.add_column(
        "pull_sources",
        sa.Column("concurrency", sa.BigInteger(), server_default="4", nullable=False),
    )
