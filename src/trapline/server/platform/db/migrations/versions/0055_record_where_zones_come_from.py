"""Record where the time zones of deployments come from"""

import sqlalchemy as sa
from alembic import op

revision = "0055"
down_revision = "0058"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A deployment in UTC may never have got a zone; any other zone was given."""
    op.add_column(
        "deployments",
        sa.Column("time_zone_source", sa.Text(), server_default="default", nullable=False),
    )
    op.execute("update deployments set time_zone_source = 'given' where time_zone <> 'UTC'")
    op.add_column("deployments", sa.Column("previous_time_zone", sa.Text(), nullable=True))
    op.add_column("deployments", sa.Column("dating_zone", sa.Text(), nullable=True))
    op.add_column(
        "deployments",
        sa.Column("images_to_date", sa.BigInteger(), server_default="0", nullable=False),
    )
    op.add_column(
        "deployments",
        sa.Column("images_dated", sa.BigInteger(), server_default="0", nullable=False),
    )
