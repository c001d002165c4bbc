"""Create indexes of the names that people decided, and statistics of the hours of images"""

from alembic import op

from trapline.server.platform.db.migrations.concurrent_indexes import create_indexes, drop_indexes

revision = "0160"
down_revision = "0150"
branch_labels = None
depends_on = None

INDEXES = {
    "ix_observed_classes_human_name": (
        "on observed_classes (set_id, class_name, captured_at, image_id) where human"
    ),
    "ix_observed_classes_person_name": (
        "on observed_classes (set_id, identified_by, class_name, captured_at, image_id) where human"
    ),
}
STATISTICS = """
create statistics st_images_hour
    on (extract(hour from timezone(time_zone, captured_at))) from images
"""


def upgrade() -> None:
    """Create the indexes and the statistics; autovacuum fills the latter."""
    create_indexes(INDEXES)
    op.execute(STATISTICS)


def downgrade() -> None:
    """Drop the indexes and the statistics."""
    drop_indexes(list(INDEXES))
    op.execute("drop statistics st_images_hour")
