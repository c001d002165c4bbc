"""Queries of algorithms by name, key or class, and of their class lists."""

from collections.abc import Sequence

from sqlalchemy import Select, exists, func, or_, select

from trapline.server.findings.queries.algorithm_rows import AlgorithmRow, CategoryMapRow
from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.errors import NotFound
from trapline.server.queue.queries.pipelines import PipelineAlgorithmRow, PipelineRow


def _like(search: str) -> str:
    """Return a LIKE pattern for texts that contain this one."""
    escaped = search.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def select_algorithms(
    scope: Scope, project_id: int | None, search: str | None
) -> Select[AlgorithmRow]:
    """Select the visible algorithms whose name, key or class contains this text."""
    statement = select(AlgorithmRow)
    if project_id is not None:
        scope.check(project_id)
        statement = statement.where(AlgorithmRow.project_id == project_id)
    elif (ids := scope.project_ids()) is not None:
        statement = statement.where(AlgorithmRow.project_id.in_(ids))
    if search:
        label = func.unnest(CategoryMapRow.labels).column_valued("label")
        has_class = exists().where(
            CategoryMapRow.sha256 == AlgorithmRow.map_sha256,
            select(1).where(label.ilike(_like(search))).exists(),
        )
        statement = statement.where(
            or_(
                AlgorithmRow.name.ilike(_like(search)),
                AlgorithmRow.key.ilike(_like(search)),
                has_class,
            )
        )
    return statement


async def get_algorithm_row(scope: Scope, tx: Transaction, algorithm_id: int) -> AlgorithmRow:
    """Get an algorithm.

    Raises:
        NotFound: the caller does not see it.
        Forbidden: the caller may not use it.
    """
    row = await tx.session.get(AlgorithmRow, algorithm_id)
    if row is None or not scope.sees(row.project_id):
        raise NotFound
    scope.check(row.project_id)
    return row


async def count_classes(
    scope: Scope, tx: Transaction, rows: Sequence[AlgorithmRow]
) -> dict[bytes, int]:
    """Count the classes of these algorithms, by the hash of the class list."""
    wanted = {row.map_sha256 for row in rows if row.map_sha256 is not None}
    statement = select(CategoryMapRow.sha256, func.cardinality(CategoryMapRow.labels))
    found = await tx.session.execute(statement.where(CategoryMapRow.sha256.in_(wanted)))
    return {bytes(sha256): length for sha256, length in found.all()}


async def list_pipeline_slugs(
    scope: Scope, tx: Transaction, rows: Sequence[AlgorithmRow]
) -> dict[int, list[str]]:
    """List the slugs of the pipelines that currently use each of these algorithms."""
    statement = (
        select(PipelineAlgorithmRow.algorithm_id, PipelineRow.slug)
        .join(PipelineRow, PipelineRow.id == PipelineAlgorithmRow.pipeline_id)
        .where(PipelineAlgorithmRow.algorithm_id.in_([row.id for row in rows]))
        .order_by(PipelineRow.slug)
    )
    found: dict[int, list[str]] = {}
    for algorithm_id, slug in (await tx.session.execute(statement)).all():
        found.setdefault(algorithm_id, []).append(slug)
    return found


async def list_classes(
    scope: Scope, tx: Transaction, row: AlgorithmRow, search: str | None, behind: int, limit: int
) -> tuple[list[tuple[int, str]], int]:
    """List classes of an algorithm after a position, and the total number of matching classes."""
    cursor = await tx.execute(
        """
        select place - 1, label, count(*) over () from category_maps,
            unnest(labels) with ordinality found(label, place)
        where sha256 = %(map)s and (%(search)s::text is null or label ilike %(search)s)
        order by place
        """,
        {"map": row.map_sha256, "search": _like(search) if search else None},
    )
    found = [(int(place), str(label)) for place, label, _ in await cursor.fetchall()]
    return [one for one in found if one[0] > behind][: limit + 1], len(found)
