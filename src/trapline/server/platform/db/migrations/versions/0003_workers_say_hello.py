"""Workers say hello"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Workers say hello"""
    op.create_table(
        "workers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("token_id", sa.Uuid(), nullable=False),
        sa.Column("registrant", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("service_id", sa.BigInteger(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("devices", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("pipelines", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("user_agent", sa.Text(), nullable=False),
        sa.Column(
            "hello_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column(
            "last_contact_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_why", sa.Text(), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "ended_why in ('replaced', 'evicted', 'said goodbye')",
            name=op.f("ck_workers_ended_why"),
        ),
        sa.CheckConstraint(
            "(ended_at is null) = (ended_why is null)", name=op.f("ck_workers_ended")
        ),
        sa.ForeignKeyConstraint(
            ["service_id"],
            ["processing_services.id"],
            name=op.f("fk_workers_service_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workers")),
    )
    op.create_index(
        "ix_workers_ended",
        "workers",
        ["ended_at"],
        unique=False,
        postgresql_where="ended_at is not null",
    )
    op.create_index(
        "ix_workers_service",
        "workers",
        ["service_id"],
        unique=False,
        postgresql_where="ended_at is null",
    )
    op.create_index(
        "uq_workers_live",
        "workers",
        ["registrant", "service", "host", "name"],
        unique=True,
        postgresql_where="ended_at is null",
    )
    op.add_column("holders", sa.Column("worker_id", sa.Uuid(), nullable=True))
    op.drop_constraint(
        op.f("uq_holders_job_id_token_id_address_user_agent"), "holders", type_="unique"
    )
    op.create_index(
        "uq_holders_caller",
        "holders",
        ["job_id", "token_id", "address", "user_agent"],
        unique=True,
        postgresql_where="worker_id is null",
    )
    op.create_index(
        "uq_holders_worker",
        "holders",
        ["worker_id", "job_id"],
        unique=True,
        postgresql_where="worker_id is not null",
    )
    op.create_foreign_key(
        op.f("fk_holders_worker_id"),
        "holders",
        "workers",
        ["worker_id"],
        ["id"],
        ondelete="CASCADE",
    )
