"""Store how the camera of a deployment was set up, and when it was inactive"""

from alembic import op

revision = "0107"
down_revision = "0106"
branch_labels = None
depends_on = None

COLUMNS = {
    "camera_model": "text not null default ''",
    "camera_delay_s": "bigint",
    "camera_height_m": "double precision",
    "camera_depth_m": "double precision",
    "camera_tilt_deg": "bigint",
    "camera_heading_deg": "bigint",
    "detection_distance_m": "double precision",
    "timestamp_issues": "boolean",
    "bait_use": "boolean",
    "feature_type": "text",
    "setup_by": "text not null default ''",
    "pickup_by": "text not null default ''",
    "groups": "text[] not null default '{}'",
    "tags": "text[] not null default '{}'",
    "inactive_periods": "jsonb not null default '[]'",
}


FEATURES = (
    "'roadPaved', 'roadDirt', 'trailHiking', 'trailGame', 'roadUnderpass', 'roadOverpass',"
    " 'roadBridge', 'culvert', 'burrow', 'nestSite', 'carcass', 'waterSource', 'fruitingTree'"
)
CHECKS = {
    "camera_delay_s": "camera_delay_s between 0 and 2147483647",
    "camera_height_m": "camera_height_m >= 0",
    "camera_depth_m": "camera_depth_m >= 0",
    "height_or_depth": "camera_height_m is null or camera_depth_m is null",
    "camera_tilt_deg": "camera_tilt_deg between -90 and 90",
    "camera_heading_deg": "camera_heading_deg between 0 and 360",
    "detection_distance_m": "detection_distance_m >= 0",
    "feature_type": f"feature_type in ({FEATURES})",
}


def upgrade() -> None:
    """Add the columns; constant defaults do not rewrite the table."""
    added = ", ".join(f"add column {name} {kind}" for name, kind in COLUMNS.items())
    op.execute(f"alter table deployments {added}")
    for name, rule in CHECKS.items():
        op.execute(
            f"alter table deployments add constraint ck_deployments_{name} check ({rule}) not valid"
        )
        op.execute(f"alter table deployments validate constraint ck_deployments_{name}")


def downgrade() -> None:
    """Drop the columns."""
    dropped = ", ".join(f"drop column {name}" for name in COLUMNS)
    op.execute(f"alter table deployments {dropped}")
