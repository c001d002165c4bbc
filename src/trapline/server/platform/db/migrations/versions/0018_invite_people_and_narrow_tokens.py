"""Invite people and narrow tokens"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Invite people and narrow tokens"""
    for table in ("users", "members"):
        column = sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        )
        op.add_column(table, column)
    op.drop_constraint(op.f("ck_links_purpose"), "links", type_="check")
    op.create_check_constraint(
        op.f("ck_links_purpose"),
        "links",
        "purpose in ('first_owner', 'sign_in', 'invite', 'reset')",
    )
    op.add_column("tokens", sa.Column("scopes", ARRAY(sa.Text()), nullable=True))
    op.add_column("tokens", sa.Column("made_by", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        "fk_tokens_made_by", "tokens", "tokens", ["made_by"], ["id"], ondelete="CASCADE"
    )
    op.create_index("ix_tokens_made_by", "tokens", ["made_by"])
    op.create_table(
        "sign_in_failures",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("trusted_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("key", name="pk_sign_in_failures"),
    )
    op.create_index("ix_sign_in_failures_last_at", "sign_in_failures", ["last_at"])
