"""Pause sources of archived projects"""

from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """An archived project is only looked at: what went on in those of before pauses, and goes on if they come back."""
    # Of one that is deleted too, all pause already: they are to stay so when it is restored.
    op.execute(
        """
        update projects p set paused_with_it = coalesce(p.paused_with_it, '{}')
            || case when p.deleted_at is null then '{}' else '{"pull_sources": []}'::jsonb end
            || jsonb_build_object('archived', case
                when p.deleted_at is not null then coalesce(p.paused_with_it -> 'pull_sources', '[]')
                else (
                    select coalesce(jsonb_agg(s.id), '[]') from pull_sources s
                    where s.project_id = p.id and s.is_active
                ) end)
        where p.archived_at is not null
        """
    )
    op.execute(
        """
        update pull_sources s set is_active = false, updated_at = clock_timestamp()
        from projects p where p.id = s.project_id and p.archived_at is not null and s.is_active
        """
    )
