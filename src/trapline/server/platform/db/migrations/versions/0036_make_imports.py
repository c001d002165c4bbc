"""Make imports"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

COUNTED = (
    "done", "stored", "unchanged", "annotations", "identifications", "deployments", "model_failures", "left_out",
    "faults", "unknown", "ambiguous",
)  # fmt: skip


def upgrade() -> None:
    """Nobody has taken anything in yet: nothing of what is there changes."""
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "imports",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("deployment_id", sa.Uuid(), nullable=True),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("storage_key", sa.Text(), nullable=False),
        sa.Column("options", JSONB(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), server_default="0", nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=True),
        *(sa.Column(name, sa.BigInteger(), server_default="0", nullable=False) for name in COUNTED),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column(
            "created_at", moment, server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("started_at", moment, nullable=True),
        sa.Column("ended_at", moment, nullable=True),
        sa.Column(
            "updated_at", moment, server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.CheckConstraint(
            "state in ('queued', 'reading', 'completed', 'failed', 'canceled')",
            name=op.f("ck_imports_state"),
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_imports_project_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["project_id", "deployment_id"],
            ["deployments.project_id", "deployments.id"],
            name=op.f("fk_imports_project_id_deployment_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_imports")),
        sa.UniqueConstraint("project_id", "id", name=op.f("uq_imports_project_id_id")),
    )
    for name, columns, where in (
        ("ix_imports_project_time", ["project_id", "created_at", "id"], None),
        ("ix_imports_deployment", ["deployment_id"], "deployment_id is not null"),
        ("ix_imports_live", ["updated_at"], "state in ('queued', 'reading')"),
    ):
        op.create_index(name, "imports", columns, postgresql_where=where and sa.text(where))
    op.create_table(
        "import_faults",
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("file", sa.Text(), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "kind in ('wrong', 'unknown', 'ambiguous')", name=op.f("ck_import_faults_kind")
        ),
        sa.ForeignKeyConstraint(
            ["project_id", "import_id"],
            ["imports.project_id", "imports.id"],
            name=op.f("fk_import_faults_project_id_import_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("import_id", "number", name=op.f("pk_import_faults")),
    )
