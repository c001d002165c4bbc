"""Store what external pipelines look for, as they declare it"""

from alembic import op

revision = "0109"
down_revision = "0108"
branch_labels = None
depends_on = None

TABLE = """
create table pipeline_declarations (
    project_id bigint not null constraint fk_pipeline_declarations_project_id
        references projects (id) on delete cascade,
    model_name text not null,
    looks_for text[] not null,
    constraint pk_pipeline_declarations primary key (project_id, model_name)
)
"""


def upgrade() -> None:
    """Create the table."""
    op.execute(TABLE)


def downgrade() -> None:
    """Drop the table."""
    op.execute("drop table pipeline_declarations")
