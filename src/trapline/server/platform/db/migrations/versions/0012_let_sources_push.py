"""Let sources push"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let sources push"""
    op.add_column("pull_sources", sa.Column("event_secrets", sa.LargeBinary(), nullable=True))
    op.add_column("pulled_files", sa.Column("pushed_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_pulled_files_pushed",
        "pulled_files",
        ["source_id", "path"],
        postgresql_where=sa.text("pushed_at is not null and state in ('seen', 'failed')"),
    )
    op.create_table(
        "source_connections",
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("holder", sa.Uuid(), nullable=False),
        sa.Column("settings_of", sa.DateTime(timezone=True), nullable=False),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("connected_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_message_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("messages", sa.BigInteger(), nullable=False),
        sa.Column("refused", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["project_id", "source_id"],
            ["pull_sources.project_id", "pull_sources.id"],
            name="fk_source_connections_project_id_source_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("source_id", name="pk_source_connections"),
    )
