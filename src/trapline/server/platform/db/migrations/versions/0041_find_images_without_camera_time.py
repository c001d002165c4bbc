"""Find images without camera time"""

from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Build indexes while others write; one that was left half built is built again."""
    rows = "captured_at_source in ('modified_time', 'received_time') and read_at is null and deleted_at is null"
    with op.get_context().autocommit_block():
        # It waits for whoever reads or writes meanwhile, and others do not wait for it.
        op.execute("set lock_timeout = 0")
        for name, on in (
            ("ix_images_without_camera_time", f"images (project_id, captured_at, id) where {rows}"),
            ("ix_images_source_without_camera_time", f"images (source_id) where {rows}"),
        ):
            op.execute(f"drop index concurrently if exists {name}")
            op.execute(f"create index concurrently {name} on {on}")
