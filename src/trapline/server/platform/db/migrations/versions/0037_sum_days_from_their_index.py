"""Sum days from their index"""

from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One row for each day of a deployment: quickly made anew, whatever the number of images."""
    op.drop_index("ix_day_counts_class", "day_counts")
    op.create_index(
        "ix_day_counts_class",
        "day_counts",
        ["project_id", "class_name", "day"],
        postgresql_include=["deployment_id", "images", "blank"],
    )
