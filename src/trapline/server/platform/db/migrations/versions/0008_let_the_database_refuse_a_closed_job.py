"""Let the database refuse a closed job"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let the database refuse a closed job"""
    op.execute(
        """
        create function refuse_closed_job(status text) returns text language plpgsql as $$
        begin
            if status is null then
                raise exception 'the job is over' using errcode = 'TL001';
            end if;
            return status;
        end
        $$
        """
    )
