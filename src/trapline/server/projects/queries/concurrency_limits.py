"""Count of the exports or imports of a project that are queued or running."""

from dataclasses import dataclass

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction


@dataclass(frozen=True)
class LimitedWork:
    """A kind of work of which a project may have a limited number at a time.

    `table` is its table, `is_live` the SQL condition of its queued and running rows, `description`
    the end of the sentence that reports how many there are.
    """

    table: str
    is_live: str
    description: str


async def count_active(scope: Scope, tx: Transaction, kind: LimitedWork, project_id: int) -> int:
    """Count the queued and running rows of a project; concurrent callers wait for each other."""
    scope.check(project_id)
    await tx.execute(
        "select pg_advisory_xact_lock(hashtextextended(%s, %s))", (kind.table, project_id)
    )
    query = (
        f"select count(*) from {kind.table} "  # noqa: S608
        f"where project_id = %s and {kind.is_live}"
    )
    [count] = await (await tx.execute(query, (project_id,))).fetchone() or (0,)
    return int(count)
