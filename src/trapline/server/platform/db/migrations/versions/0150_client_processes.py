"""Store the processes of callers that did not register, and the lease of their last result"""

from alembic import op

revision = "0150"
down_revision = "0126"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table and add the column; a column without a default does not rewrite a table."""
    op.execute(
        """
        create table client_processes (
            token_id uuid not null,
            address text not null,
            user_agent text not null,
            process smallint not null,
            started_at timestamptz not null default now(),
            claimed_at timestamptz not null default now(),
            leased_at timestamptz,
            is_single boolean not null default false,
            constraint pk_client_processes primary key (token_id, address, user_agent, process)
        )
        """
    )
    op.execute("alter table holders add column returned_lease_at timestamptz")


def downgrade() -> None:
    """Drop the table and the column; holders of further processes keep their leases."""
    op.execute("alter table holders drop column returned_lease_at")
    op.execute("drop table client_processes")
