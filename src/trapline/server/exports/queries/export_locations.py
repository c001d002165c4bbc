"""The deployments that exports contain."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from trapline.server.exports.queries.exports import ExportRow
from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction


async def list_exports_with_deployments(
    scope: Scope, tx: Transaction, rows: Sequence[ExportRow], levels: Mapping[UUID, int]
) -> set[UUID]:
    """List the exports that contain one of these deployments less generalised than its level.

    If images of an export were purged, it may have contained any of them.
    """
    for project_id in {row.project_id for row in rows}:
        scope.check(project_id)
    if not rows or not levels:
        return set()
    cursor = await tx.execute(
        """
        select e.id from exports e cross join lateral (
            select array_agg(r.id) as deployments
            from unnest(%(deployments)b::uuid[], %(levels)b::integer[]) r (id, level)
            join deployments d on d.id = r.id and d.project_id = e.project_id
            where coalesce((e.precisions->>r.id::text)::integer, 0) < r.level
        ) r
        where e.id = any(%(exports)b) and r.deployments is not null and (
            e.forgotten_images > 0 or exists (
                select from export_images x join images i on i.id = x.image_id
                where x.export_id = e.id and i.deployment_id = any(r.deployments)))
        """,
        {
            "exports": [row.id for row in rows],
            "deployments": list(levels),
            "levels": [int(level) for level in levels.values()],
        },
    )
    return {key for (key,) in await cursor.fetchall()}
