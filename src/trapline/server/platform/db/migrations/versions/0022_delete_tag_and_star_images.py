"""Delete, tag and star images"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what people do with images; nothing of what is there is rewritten."""
    op.add_column(
        "images", sa.Column("starred", sa.Boolean(), server_default="false", nullable=False)
    )
    op.add_column("images", sa.Column("read_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("images", sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("images", sa.Column("deleted_by", sa.Text(), nullable=True))
    op.add_column("images", sa.Column("deletion_reason", sa.Text(), nullable=True))
    op.create_index(
        "ix_images_deleted",
        "images",
        ["project_id", "deleted_at", "id"],
        postgresql_where="deleted_at is not null",
    )
    op.create_index(
        "ix_images_starred",
        "images",
        ["project_id", "captured_at", "id"],
        postgresql_where="starred",
    )
    op.create_table(
        "image_tags",
        sa.Column("image_id", sa.Uuid(), nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id", "image_id"],
            ["images.project_id", "images.id"],
            name=op.f("fk_image_tags_project_id_image_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("image_id", "tag", name=op.f("pk_image_tags")),
    )
    op.create_index("ix_image_tags_tag", "image_tags", ["project_id", "tag", "image_id"])
    op.create_table(
        "discarded_files",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_discarded_files")),
    )
    op.create_index(op.f("ix_discarded_files_due_at"), "discarded_files", ["due_at"])
    op.create_index("ix_discarded_files_content", "discarded_files", ["project_id", "sha256"])
