"""Let people identify"""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nobody has said anything yet: nothing of what is there changes."""
    op.create_table(
        "identifications",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("image_id", sa.Uuid(), nullable=False),
        sa.Column("annotation_id", sa.Uuid(), nullable=True),
        sa.Column("analysis_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("taxon_id", sa.Uuid(), nullable=True),
        sa.Column("label", sa.Text(), nullable=True),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("count", sa.BigInteger(), nullable=True),
        sa.Column("sex", sa.Text(), nullable=True),
        sa.Column("life_stage", sa.Text(), nullable=True),
        sa.Column("behaviour", sa.Text(), nullable=True),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_by", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "kind in ('confirm', 'correct', 'blank', 'unsure', 'comment')",
            name=op.f("ck_identifications_kind"),
        ),
        sa.CheckConstraint(
            "(kind = 'correct') = (label is not null)", name=op.f("ck_identifications_label")
        ),
        sa.CheckConstraint(
            "taxon_id is null or label is not null", name=op.f("ck_identifications_taxon")
        ),
        sa.ForeignKeyConstraint(
            ["project_id", "image_id"],
            ["images.project_id", "images.id"],
            name=op.f("fk_identifications_project_id_image_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["project_id", "taxon_id"],
            ["taxa.project_id", "taxa.id"],
            name=op.f("fk_identifications_project_id_taxon_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identifications")),
    )
    for name, columns, where in (
        ("ix_identifications_image", ["image_id", "created_at", "id"], None),
        ("ix_identifications_project_time", ["project_id", "created_at", "id"], None),
        ("ix_identifications_taxon", ["project_id", "taxon_id"], "taxon_id is not null"),
        (
            "ix_identifications_withdrawn",
            ["project_id", "withdrawn_at"],
            "withdrawn_at is not null",
        ),
    ):
        op.create_index(name, "identifications", columns, postgresql_where=where)
