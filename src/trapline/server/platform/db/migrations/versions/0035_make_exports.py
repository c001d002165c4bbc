"""Make exports"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nobody has exported anything yet: nothing of what is there changes."""
    json = postgresql.JSONB(astext_type=sa.Text())
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "exports",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("selection", json, nullable=False),
        sa.Column("options", json, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), server_default="0", nullable=False),
        sa.Column("gathered_to", json, nullable=True),
        sa.Column("spooled_bytes", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("expected", sa.BigInteger(), nullable=True),
        sa.Column("images", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("annotations", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("written", sa.BigInteger(), nullable=True),
        sa.Column("fixed", json, server_default=sa.text("'[]'::jsonb"), nullable=False),
        sa.Column("left_out", json, server_default=sa.text("'[]'::jsonb"), nullable=False),
        sa.Column("problems", json, server_default=sa.text("'[]'::jsonb"), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("storage_key", sa.Text(), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=True),
        sa.Column("sha256", sa.LargeBinary(), nullable=True),
        sa.Column("forgotten_images", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column(
            "created_at", moment, server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("started_at", moment, nullable=True),
        sa.Column("finished_at", moment, nullable=True),
        sa.Column("expires_at", moment, nullable=True),
        sa.Column(
            "updated_at", moment, server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.CheckConstraint(
            "state in ('queued', 'gathering', 'writing', 'ready', 'invalid', 'failed', 'canceled', 'expired')",
            name=op.f("ck_exports_state"),
        ),
        sa.CheckConstraint(
            "(state = 'ready') <= (storage_key is not null)", name=op.f("ck_exports_file")
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_exports_project_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exports")),
        sa.UniqueConstraint("project_id", "id", name=op.f("uq_exports_project_id_id")),
    )
    live = "state in ('queued', 'gathering', 'writing')"
    op.create_index("ix_exports_project_time", "exports", ["project_id", "created_at", "id"])
    op.create_index("ix_exports_live", "exports", ["updated_at"], postgresql_where=live)
    op.create_index(
        "ix_exports_expiry", "exports", ["expires_at"], postgresql_where="storage_key is not null"
    )
    op.create_table(
        "export_images",
        sa.Column("export_id", sa.Uuid(), nullable=False),
        sa.Column("image_id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id", "export_id"],
            ["exports.project_id", "exports.id"],
            name=op.f("fk_export_images_project_id_export_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("export_id", "image_id", name=op.f("pk_export_images")),
    )
