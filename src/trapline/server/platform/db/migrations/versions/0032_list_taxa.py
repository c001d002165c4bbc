"""List taxa"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """List taxa"""
    op.create_table(
        "taxa",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("scientific_name", sa.Text(), nullable=False),
        sa.Column("name_key", sa.Text(), nullable=False),
        sa.Column("authorship", sa.Text(), nullable=False),
        sa.Column("rank", sa.Text(), nullable=False),
        sa.Column("higher_ranks", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("common_names", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("gbif_key", sa.BigInteger(), nullable=True),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("accepted_id", sa.Uuid(), nullable=True),
        sa.Column("searched", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("accepted_id <> id", name=op.f("ck_taxa_accepted")),
        sa.ForeignKeyConstraint(
            ["project_id", "accepted_id"],
            ["taxa.project_id", "taxa.id"],
            name=op.f("fk_taxa_project_id_accepted_id"),
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_taxa_project_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_taxa")),
        sa.UniqueConstraint("project_id", "id", name=op.f("uq_taxa_project_id_id")),
        sa.UniqueConstraint("project_id", "name_key", name=op.f("uq_taxa_project_id_name_key")),
        sa.UniqueConstraint("project_id", "gbif_key", name=op.f("uq_taxa_project_id_gbif_key")),
    )
    op.create_index(
        "ix_taxa_accepted",
        "taxa",
        ["project_id", "accepted_id"],
        postgresql_where="accepted_id is not null",
    )
    op.create_table(
        "taxon_labels",
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("taxon_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id", "taxon_id"],
            ["taxa.project_id", "taxa.id"],
            name=op.f("fk_taxon_labels_project_id_taxon_id"),
        ),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["projects.id"],
            name=op.f("fk_taxon_labels_project_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("project_id", "label", name=op.f("pk_taxon_labels")),
    )
    op.create_index("ix_taxon_labels_taxon", "taxon_labels", ["project_id", "taxon_id"])
