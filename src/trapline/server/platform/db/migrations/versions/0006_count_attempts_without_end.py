"""Count attempts without end"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Count attempts without end"""
    # One statement a table, so that each is rewritten once.
    op.execute(
        "alter table analyses alter column attempt type integer, alter column fence type integer, "
        "alter column won type integer"
    )
    op.execute("alter table attempts alter column attempt type integer")
    op.add_column(
        "projects", sa.Column("last_leased_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.execute(
        "update projects p set last_leased_at = (select max(j.last_leased_at) from jobs j where j.project_id = p.id)"
    )
