"""Validate the kinds of pulled files"""

from alembic import op

revision = "0061"
down_revision = "0060"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Validate the constraint of revision 0039: this reads the table and lets others read and write it."""
    op.execute("alter table pulled_files validate constraint ck_pulled_files_ck_pulled_files_kind")


def downgrade() -> None:
    """Leave the constraint as it is."""
