"""Heed how long a source is left alone"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Heed how long a source is left alone"""
    op.add_column(
        "pull_sources", sa.Column("not_before", sa.DateTime(timezone=True), nullable=True)
    )
    # Until now only the next run said it, or a schedule that comes later than any failure's pause.
    op.execute(
        "update pull_sources set not_before = least(next_run_at, now() + interval '1 day')"
        " where consecutive_failures > 0"
    )
    # A connection is made anew when what it is made of changes, not with every change of its source.
    op.drop_column("source_connections", "settings_of")
