"""Keep secret options of gateways"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Keep secret options of gateways"""
    op.add_column(
        "pull_sources",
        sa.Column(
            "secret_options", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False
        ),
    )
