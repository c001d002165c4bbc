"""Exports and imports of a project that are waiting or under way."""

from enum import Enum

from trapline.server.exports.queries import exports
from trapline.server.imports.queries import imports
from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction


class LimitedWork(Enum):
    """What is counted: the name of its table, and which of its rows are live."""

    EXPORTS = "exports", exports.LIVE
    IMPORTS = "imports", imports.LIVE


async def count_active(scope: Scope, tx: Transaction, kind: LimitedWork, project_id: int) -> int:
    """Count what of a project is waiting or under way; two that ask at once wait for each other."""
    scope.check(project_id)
    table, is_live = kind.value
    await tx.execute("select pg_advisory_xact_lock(hashtextextended(%s, %s))", (table, project_id))
    query = f"select count(*) from {table} where project_id = %s and {is_live}"  # noqa: S608 - made of constants
    [count] = await (await tx.execute(query, (project_id,))).fetchone() or (0,)
    return int(count)
