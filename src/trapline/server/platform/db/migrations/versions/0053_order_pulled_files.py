"""Order pulled files"""

import sqlalchemy as sa
from alembic import op

revision = "0053"
down_revision = "0055"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A source imports its oldest or its newest files first; the index gives both orders."""
    op.add_column(
        "pull_sources", sa.Column("order", sa.Text(), server_default="oldest", nullable=False)
    )
    op.create_check_constraint(
        "ck_pull_sources_order", "pull_sources", "\"order\" in ('oldest', 'newest')"
    )
    op.create_index(
        "ix_pulled_files_fresh",
        "pulled_files",
        ["source_id", sa.text("coalesce(modified_at, '-infinity'::timestamptz)"), "path"],
        postgresql_where=sa.text("state = 'seen' and kind = 'file' and next_attempt_at is null"),
    )
