"""Record the projects of answers that are kept by their Idempotency-Key"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0050"
down_revision = "0044"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the projects; rows from before have none, and expire 30 days after their request."""
    op.add_column(
        "idempotency_keys",
        sa.Column("project_ids", postgresql.ARRAY(sa.BigInteger()), nullable=True),
    )
