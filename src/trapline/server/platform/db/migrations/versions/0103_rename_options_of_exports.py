"""Rename an option of exports in the API: `with_pictures` is `with_images`"""

from alembic import op

revision = "0103"
down_revision = "0102"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change nothing: processes of the previous version read the stored name during an upgrade.

    The server renames the option when it reads and writes a row (`StoredOptions`). An earlier form
    of this revision renamed the stored key, and rows with that name are read too.
    """


def downgrade() -> None:
    """Restore the earlier name."""
    op.execute(
        """
        update exports set options = (options - 'with_images')
            || jsonb_build_object('with_pictures', options -> 'with_images')
        where options ? 'with_images'
        """
    )
