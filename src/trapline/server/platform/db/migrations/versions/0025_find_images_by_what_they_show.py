"""Find images by what they show"""

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Build indexes while everybody else goes on writing; one that was left half built is begun again."""
    with op.get_context().autocommit_block():
        # It waits for whoever reads or writes meanwhile, and nobody waits for it.
        op.execute("set lock_timeout = 0")
        for name, on in (
            ("ix_images_blank", "images (project_id, blank, captured_at, id)"),
            ("ix_images_reviewed", "images (project_id, captured_at, id) where reviewed"),
        ):
            op.execute(f"drop index concurrently if exists {name}")
            op.execute(f"create index concurrently {name} on {on}")
