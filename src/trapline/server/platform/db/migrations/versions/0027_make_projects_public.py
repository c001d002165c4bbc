"""Make projects public"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Every project of before stays for its members alone."""
    op.add_column(
        "projects", sa.Column("public", sa.Boolean(), server_default="false", nullable=False)
    )
