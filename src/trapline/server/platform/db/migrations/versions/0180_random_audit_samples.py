"""Distinguish random audit samples from other review sets"""

from alembic import op

revision = "0180"
down_revision = "0170"
branch_labels = None
depends_on = None

UPGRADE = """
alter table review_sets add column kind text not null default 'review',
    add column audit_class text, add column audit_source text,
    add constraint ck_review_sets_kind check (kind in ('review', 'random_audit'))
"""
DOWNGRADE = (
    "alter table review_sets drop column kind, drop column audit_class, drop column audit_source"
)


def upgrade() -> None:
    """Add the kind of a set, and the class and model of a sample of one class."""
    op.execute(UPGRADE)


def downgrade() -> None:
    """Drop the columns."""
    op.execute(DOWNGRADE)
