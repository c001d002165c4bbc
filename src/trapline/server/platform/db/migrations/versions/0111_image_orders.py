"""Create saved views, and the indexes of comments, confidences and random orders"""

from alembic import op

from trapline.server.platform.db.migrations.concurrent_indexes import create_indexes, drop_indexes

revision = "0111"
down_revision = "0110"
branch_labels = None
depends_on = None

INDEXES = {
    "ix_images_random": 'on images (project_id, "left"(md5(id::text), 8), id)',
    "ix_identifications_comment": (
        "on identifications (project_id, image_id)"
        " where comment is not null and withdrawn_at is null"
    ),
    "ix_observed_classes_confidence": (
        "on observed_classes (set_id, confidence, image_id) where not human and confidence > 0"
    ),
}
SAVED_VIEWS = """
create table saved_views (
    id uuid not null constraint pk_saved_views primary key,
    project_id bigint not null constraint fk_saved_views_project_id
        references projects (id) on delete cascade,
    name text not null,
    conditions jsonb not null,
    list_order text not null,
    seed integer not null,
    created_by text not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint uq_saved_views_project_id_name unique (project_id, name)
)
"""


def upgrade() -> None:
    """Create the table and the indexes."""
    create_indexes(INDEXES)
    op.execute(SAVED_VIEWS)


def downgrade() -> None:
    """Drop the table and the indexes."""
    drop_indexes(list(INDEXES))
    op.execute("drop table saved_views")
