"""Keep long selections apart"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Keep long selections apart"""
    op.create_table(
        "job_images",
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("image_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id", "job_id"],
            ["jobs.project_id", "jobs.id"],
            name=op.f("fk_job_images_project_id_job_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_job_images")),
    )
    op.execute(
        """
        insert into job_images (job_id, project_id, image_ids)
        select j.id, j.project_id, array(
            select distinct g.id::uuid from jsonb_array_elements_text(j.selection -> 'images') as g(id) order by 1
        ) from jobs j where jsonb_typeof(j.selection -> 'images') = 'array'
        """
    )
    op.execute(
        """
        update jobs j set selection = (j.selection - 'images')
            || jsonb_build_object('image_count', cardinality(l.image_ids))
        from job_images l where l.job_id = j.id and cardinality(l.image_ids) > 100
        """
    )
