"""Which projects' events are subjects of NATS: a row among the webhooks each, which nobody sees."""

from trapline.server.db.base import Transaction
from trapline.server.db.notices import take_lock
from trapline.server.rules.access import Scope

SUBJECTS = "nats"
"""The host of such a row; those of webhooks have a port."""
FOLLOWING = 7230007


async def list_projects_without(scope: Scope, tx: Transaction) -> list[int]:
    """List the projects whose events are no subjects yet; empty while another process makes them so."""
    if not await take_lock(scope, tx, FOLLOWING):
        return []
    cursor = await tx.execute(
        "select id from projects p where deleted_at is null and not exists "
        "(select from webhooks w where w.project_id = p.id and w.host = %s) order by id",
        (SUBJECTS,),
    )
    return [row[0] for row in await cursor.fetchall()]


async def switch_subjects(scope: Scope, tx: Transaction, is_on: bool) -> None:
    """Let the events of all projects be subjects, or not; those of a deleted one stay paused with it."""
    await tx.execute(
        "update webhooks w set is_active = %s from projects p "
        "where p.id = w.project_id and p.deleted_at is null and w.host = %s and w.is_active <> %s",
        (is_on, SUBJECTS, is_on),
    )
