"""Keep the winning attempt in the ledger"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Keep the winning attempt in the ledger"""
    op.add_column("analyses", sa.Column("won", sa.SmallInteger(), nullable=True))
    op.execute(
        """
        update analyses a set won = w.attempt, holder_id = coalesce(w.holder_id, a.holder_id)
        from attempts w where w.analysis_id = a.id and w.outcome = 'completed'
        """
    )
    op.execute("delete from attempts where outcome = 'completed'")
