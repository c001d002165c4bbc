"""Name the permanent deletion of images and projects in the audit log by its verb"""

from alembic import op

revision = "0126"
down_revision = "0122"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Rename the action of earlier entries."""
    op.execute("update audit set action = 'purge' where action = 'delete for good'")


def downgrade() -> None:
    """Restore the earlier name."""
    op.execute("update audit set action = 'delete for good' where action = 'purge'")
