"""Seal addresses of pictures"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Seal addresses of pictures"""
    # Nobody can seal here: runs whose pictures are not all there lose their addresses, fail and say so.
    op.execute(
        """
        delete from job_downloads d using jobs j where j.id = d.job_id and (
            not j.fetching or exists (select from job_downloads o where o.job_id = j.id and o.image_id is null)
        )
        """
    )
    op.add_column(
        "job_downloads",
        sa.Column("id", sa.Uuid(), server_default=sa.func.gen_random_uuid(), nullable=False),
    )
    op.alter_column("job_downloads", "id", server_default=None)
    op.add_column("job_downloads", sa.Column("sealed_url", sa.LargeBinary(), nullable=True))
    op.drop_column("job_downloads", "url")
    # A key is the same wherever a route is mounted.
    op.execute(
        "update idempotency_keys set route = regexp_replace(route, '^POST (/api)?(/v2)?', 'POST ')"
    )
