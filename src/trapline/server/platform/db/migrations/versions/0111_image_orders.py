"""Create saved views, and the indexes of comments, confidences and random orders"""

from alembic import op

revision = "0111"
down_revision = "0110"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
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
""",
    """
create index ix_images_random on images (project_id, "left"(md5(id::text), 8), id)
""",
    """
create index ix_identifications_comment on identifications (project_id, image_id)
    where comment is not null and withdrawn_at is null
""",
    """
create index ix_observed_classes_confidence on observed_classes (set_id, confidence, image_id)
    where not human and confidence > 0
""",
)


def upgrade() -> None:
    """Create the table and the indexes."""
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Drop the table and the indexes."""
    op.execute("drop table saved_views")
    for index in (
        "ix_images_random",
        "ix_identifications_comment",
        "ix_observed_classes_confidence",
    ):
        op.execute(f"drop index {index}")
