"""Store confidences in double precision"""

import sqlalchemy as sa
from alembic import op

revision = "0060"
down_revision = "0053"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a column for the exact number; neither the table is rewritten nor are rows updated.

    Changing the type of `confidence` would rewrite the largest table under an exclusive lock, and processes of the
    previous version could not write results any more. They continue to write `confidence`, which stays.
    """
    op.add_column("annotations", sa.Column("confidence_exact", sa.Double(), nullable=True))


def downgrade() -> None:
    """Drop the exact numbers."""
    op.drop_column("annotations", "confidence_exact")
