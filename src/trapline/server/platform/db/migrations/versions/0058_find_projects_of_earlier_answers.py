"""Find the projects of stored answers that name none: the audit of the same transaction names them"""

from alembic import op

revision = "0058"
down_revision = "0052"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Fill in the projects; an answer whose projects cannot be found is not returned any more.

    A stored answer and its lines in the audit carry the time at which their transaction began. Answers about
    accounts, tokens and granted folders are about no project. Operators stored no project when they added members.
    """
    op.execute(
        """
        update idempotency_keys set project_ids = '{}'
        where project_ids is null
            and (route = 'POST /auth/tokens' or route like 'POST /users%' or route = 'POST /source-folders')
        """
    )
    op.execute(
        """
        update idempotency_keys k set project_ids = a.project_ids
        from (
            select actor, at, array_agg(distinct project_id) as project_ids
            from audit
            where at >= (select min(created_at) from idempotency_keys)
            group by actor, at
            having bool_and(project_id is not null)
        ) a
        where a.actor = k.actor and a.at = k.created_at
            and (k.project_ids is null or (k.project_ids = '{}' and k.route like 'POST /projects/%/members'))
        """
    )
