"""Store since when the NATS server cannot be reached, apart from events that it refuses"""

from alembic import op

revision = "0102"
down_revision = "0101"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column and an index of the failing webhooks; move recorded outages to the column."""
    op.execute("alter table webhooks add column unreachable_since timestamptz")
    op.execute(
        "update webhooks set unreachable_since = failing_since, failing_since = null "
        "where host = 'nats' and failing_since is not null"
    )
    op.execute(
        "create index ix_webhooks_failing on webhooks (host) where failing_since is not null"
    )


def downgrade() -> None:
    """Move outages back, and drop the index and the column."""
    op.execute(
        "update webhooks set failing_since = coalesce(failing_since, unreachable_since) "
        "where unreachable_since is not null"
    )
    op.execute("drop index ix_webhooks_failing")
    op.execute("alter table webhooks drop column unreachable_since")
