"""Create indexes of the names that people decided, and statistics of the hours of images"""

from alembic import op

revision = "0160"
down_revision = "0150"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
create index ix_observed_classes_human_name
    on observed_classes (set_id, class_name, captured_at, image_id) where human
""",
    """
create index ix_observed_classes_person_name
    on observed_classes (set_id, identified_by, class_name, captured_at, image_id) where human
""",
    """
create statistics st_images_hour
    on (extract(hour from timezone(time_zone, captured_at))) from images
""",
)


def upgrade() -> None:
    """Create the indexes and the statistics; autovacuum fills the latter."""
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Drop the indexes and the statistics."""
    op.execute("drop statistics st_images_hour")
    for name in ("ix_observed_classes_human_name", "ix_observed_classes_person_name"):
        op.execute(f"drop index {name}")
