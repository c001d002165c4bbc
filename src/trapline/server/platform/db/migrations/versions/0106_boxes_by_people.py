"""Create boxes by people, and the history of their changes"""

from alembic import op

revision = "0106"
down_revision = "0105"
branch_labels = None
depends_on = None

TABLES = """
create table human_boxes (
    id uuid not null constraint pk_human_boxes primary key,
    project_id bigint not null,
    image_id uuid not null,
    x_min double precision not null,
    y_min double precision not null,
    x_max double precision not null,
    y_max double precision not null,
    taxon_id uuid,
    label text not null,
    count bigint,
    sex text,
    life_stage text,
    behaviour text,
    individual_id text,
    supersedes uuid,
    version integer not null default 1,
    made_by text not null,
    created_at timestamptz not null default clock_timestamp(),
    updated_by text not null,
    updated_at timestamptz not null default clock_timestamp(),
    named_at timestamptz not null default clock_timestamp(),
    withdrawn_at timestamptz,
    constraint ck_human_boxes_area check (x_min < x_max and y_min < y_max),
    constraint fk_human_boxes_project_id_image_id foreign key (project_id, image_id)
        references images (project_id, id) on delete cascade,
    constraint fk_human_boxes_project_id_taxon_id foreign key (project_id, taxon_id)
        references taxa (project_id, id)
);
create index ix_human_boxes_image on human_boxes (image_id) where withdrawn_at is null;
create index ix_human_boxes_project_time on human_boxes (project_id, updated_at);
create index ix_human_boxes_taxon on human_boxes (project_id, taxon_id)
    where taxon_id is not null;
create unique index uq_human_boxes_supersedes on human_boxes (supersedes)
    where supersedes is not null and withdrawn_at is null;

create table human_box_changes (
    box_id uuid not null constraint fk_human_box_changes_box_id
        references human_boxes (id) on delete cascade,
    version integer not null,
    changed_by text not null,
    changed_at timestamptz not null default clock_timestamp(),
    previous jsonb not null,
    constraint pk_human_box_changes primary key (box_id, version)
);
"""


def upgrade() -> None:
    """Create the tables."""
    op.execute(TABLES)


def downgrade() -> None:
    """Drop the tables."""
    op.execute("drop table human_box_changes; drop table human_boxes")
