"""Keep IDs of packages"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Packages that were imported before gave no IDs: their exports keep our own."""
    op.create_table(
        "imported_images",
        sa.Column("image_id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("media_id", sa.Text(), nullable=True),
        sa.Column("observations", JSONB(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id", "image_id"],
            ["images.project_id", "images.id"],
            name=op.f("fk_imported_images_project_id_image_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("image_id", name=op.f("pk_imported_images")),
        sa.UniqueConstraint(
            "project_id", "media_id", name=op.f("uq_imported_images_project_id_media_id")
        ),
    )
    op.create_table(
        "imported_deployments",
        sa.Column("deployment_id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("location_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id", "deployment_id"],
            ["deployments.project_id", "deployments.id"],
            name=op.f("fk_imported_deployments_project_id_deployment_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("deployment_id", name=op.f("pk_imported_deployments")),
        sa.UniqueConstraint(
            "project_id", "external_id", name=op.f("uq_imported_deployments_project_id_external_id")
        ),
    )


def downgrade() -> None:
    """Drop the IDs."""
    op.drop_table("imported_deployments")
    op.drop_table("imported_images")
