"""Store points and polygons that people draw, and the shapes that a project offers"""

from alembic import op

revision = "0123"
down_revision = "0117"
branch_labels = None
depends_on = None

AREA = "x_min < x_max and y_min < y_max"
POINT = "x_min = x_max and y_min = y_max and polygon is null"


def _replace_check(rule: str) -> None:
    op.execute("alter table human_boxes drop constraint ck_human_boxes_area")
    op.execute(
        f"alter table human_boxes add constraint ck_human_boxes_area check ({rule}) not valid"
    )
    op.execute("alter table human_boxes validate constraint ck_human_boxes_area")


def upgrade() -> None:
    """Add the columns; constant defaults do not rewrite the tables."""
    op.execute("alter table human_boxes add column polygon jsonb")
    _replace_check(f"({AREA}) or ({POINT})")
    op.execute("alter table projects add column shapes text[] not null default '{box}'")


def downgrade() -> None:
    """Drop the columns: a polygon becomes its extent, and a point a box of 2 by 2 pixels."""
    op.execute("alter table projects drop column shapes")
    op.execute(
        "update human_boxes set x_min = greatest(x_min - 1, 0), x_max = greatest(x_min - 1, 0) + 2,"
        " y_min = greatest(y_min - 1, 0), y_max = greatest(y_min - 1, 0) + 2"
        " where polygon is null and x_min = x_max"
    )
    # The check names the column, so it is replaced first.
    _replace_check(AREA)
    op.execute("alter table human_boxes drop column polygon")
