"""Create bulk identifications, and record in identifications to which one they belong"""

from alembic import op

revision = "0115"
down_revision = "0112"
branch_labels = None
depends_on = None

TABLES = """
create table bulk_identifications (
    id uuid not null constraint pk_bulk_identifications primary key,
    project_id bigint not null constraint fk_bulk_identifications_project_id
        references projects (id) on delete cascade,
    state text not null default 'prepared' constraint ck_bulk_identifications_state check (state in
        ('prepared', 'running', 'completed', 'withdrawing', 'withdrawn', 'stopped')),
    statement jsonb not null,
    unit text not null constraint ck_bulk_identifications_unit
        check (unit in ('images', 'sequences')),
    image_ids uuid[] not null,
    images bigint not null,
    reviewed bigint not null,
    done bigint not null default 0,
    identified bigint not null default 0,
    skipped jsonb not null default '{}',
    skipped_images jsonb not null default '[]',
    withdrawn bigint not null default 0,
    reason text,
    made_by text not null,
    actor text not null,
    acts_for text not null,
    created_at timestamptz not null default clock_timestamp(),
    started_at timestamptz,
    withdrawn_at timestamptz,
    finished_at timestamptz
);
create index ix_bulk_identifications_project_time on bulk_identifications
    (project_id, created_at, id);
create index ix_bulk_identifications_unfinished on bulk_identifications (id)
    where state in ('running', 'withdrawing');
create index ix_bulk_identifications_prepared on bulk_identifications (created_at)
    where state = 'prepared';

alter table identifications add column bulk_id uuid;
create index ix_identifications_bulk on identifications (bulk_id, id)
    where bulk_id is not null and withdrawn_at is null;
"""


def upgrade() -> None:
    """Create the table and the column."""
    op.execute(TABLES)


def downgrade() -> None:
    """Drop the column and the table."""
    op.execute("alter table identifications drop column bulk_id; drop table bulk_identifications")
