"""Name pipelines and fetch content"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Name pipelines and fetch content"""
    op.create_table(
        "presets",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("pipeline_slug", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("parameters", postgresql.JSONB(), nullable=False),
        sa.Column("priority", sa.BigInteger(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.Column(
            "updated_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name="fk_presets_project_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_presets"),
        sa.UniqueConstraint("project_id", "id", name="uq_presets_project_id_id"),
        sa.UniqueConstraint("project_id", "name", name="uq_presets_project_id_name"),
    )
    op.add_column("jobs", sa.Column("preset", sa.Text(), nullable=True))
    op.add_column("jobs", sa.Column("content_preview", sa.Text(), nullable=True))
    op.add_column(
        "jobs",
        sa.Column(
            "metadata", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
    )
    op.add_column(
        "jobs", sa.Column("fetching", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.add_column("job_moves", sa.Column("worker_id", sa.Uuid(), nullable=True))
    op.create_table(
        "job_downloads",
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("deployment_id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("again_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("image_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["project_id", "job_id"],
            ["jobs.project_id", "jobs.id"],
            name="fk_job_downloads_project_id_job_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["project_id", "deployment_id"],
            ["deployments.project_id", "deployments.id"],
            name="fk_job_downloads_project_id_deployment_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("job_id", "number", name="pk_job_downloads"),
    )
    op.create_index("ix_job_downloads_deployment", "job_downloads", ["project_id", "deployment_id"])
