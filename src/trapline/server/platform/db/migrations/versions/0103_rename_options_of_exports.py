"""Rename an option of exports: `with_pictures` is `with_images`"""

from alembic import op

revision = "0103"
down_revision = "0102"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Rename the key in exports that already exist."""
    op.execute(
        """
        update exports set options = (options - 'with_pictures')
            || jsonb_build_object('with_images', options -> 'with_pictures')
        where options ? 'with_pictures'
        """
    )


def downgrade() -> None:
    """Restore the earlier name."""
    op.execute(
        """
        update exports set options = (options - 'with_images')
            || jsonb_build_object('with_pictures', options -> 'with_images')
        where options ? 'with_images'
        """
    )
