"""Find attempts by job and rare findings by type"""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

AT_ONCE = 10_000


def upgrade() -> None:
    """Note the job in each attempt, some rows at a time, while everybody else goes on; begun again, it goes on.

    A trigger writes it for programs of before which still run, and do not.
    """
    op.execute("alter table attempts add column if not exists job_id bigint")
    op.execute(
        """
        create or replace function note_job_of_attempt() returns trigger language plpgsql as $$
        begin
            new.job_id := (select job_id from analyses where id = new.analysis_id);
            return new;
        end $$
        """
    )
    op.execute(
        "create or replace trigger note_job before insert on attempts"
        " for each row when (new.job_id is null) execute function note_job_of_attempt()"
    )
    with op.get_context().autocommit_block():
        # It waits for whoever reads or writes meanwhile, and nobody waits for it.
        op.execute("set lock_timeout = 0")
        newest = op.get_bind().scalar(sa.text("select max(id) from attempts")) or 0
        noted = sa.text(
            "update attempts t set job_id = a.job_id from analyses a where a.id = t.analysis_id"
            " and t.id between :first and :last and t.job_id is distinct from a.job_id"
        )
        for first in range(1, newest + 1, AT_ONCE):
            op.get_bind().execute(noted, {"first": first, "last": first + AT_ONCE - 1})
        rare = "annotation_type not in ('bounding_box', 'classification')"
        for name, on in (
            ("ix_attempts_job", "attempts (job_id, ended_at, id)"),
            ("ix_annotations_rare_type", f"annotations (annotation_type, project_id) where {rare}"),
        ):
            op.execute(f"drop index concurrently if exists {name}")
            op.execute(f"create index concurrently {name} on {on}")
