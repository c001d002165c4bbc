"""The existence of what the conditions of a filter name."""

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.review.queries.observations import is_known_reviewer
from trapline.wire.image_filters import ImageConditions

TABLES = {
    "taxon": "taxa",
    "job": "jobs",
}


async def find_missing_condition(
    scope: Scope, tx: Transaction, project_id: int, given: ImageConditions
) -> str | None:
    """Find a condition that names something that is not in a project."""
    scope.check(project_id)
    named = [(name, table, getattr(given, name)) for name, table in TABLES.items()]
    named += [("deployment", "deployments", key) for key in given.deployments]
    named += [("sequence", "sequences", key) for key in given.sequences]
    for name, table, key in named:
        if key is None:
            continue
        cursor = await tx.execute(
            f"select 1 from {table} where id = %s and project_id = %s",  # noqa: S608
            (key, project_id),
        )
        if await cursor.fetchone() is None:
            return name
    person = given.identified_by
    if person is not None and not await is_known_reviewer(scope, tx, project_id, person):
        return "identified_by"
    return None
