"""List algorithms, get one, and search their class lists."""

from collections.abc import Sequence

from trapline.server.findings.queries.algorithm_rows import AlgorithmRow
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.cursors import decode_cursor, encode_cursor
from trapline.server.platform.db.pagination import count_rows, fetch_page
from trapline.server.queue.queries.algorithms import (
    count_classes,
    get_algorithm_row,
    list_pipeline_slugs,
    select_algorithms,
)
from trapline.server.queue.queries.algorithms import list_classes as list_stored_classes
from trapline.wire.algorithms import AlgorithmClass, ListedAlgorithm
from trapline.wire.values import Page


async def list_algorithms(
    system: AppContext,
    scope: Scope,
    project_id: int | None,
    search: str | None,
    limit: int,
    cursor: str | None,
) -> Page[ListedAlgorithm]:
    """List algorithms by creation; optionally only those with this text in a name, key or class."""
    async with system.database.transaction(scope) as tx:
        statement = select_algorithms(scope, project_id, search)
        rows, following = await fetch_page(
            tx, statement, [(AlgorithmRow.id, int)], descending=False, limit=limit, cursor=cursor
        )
        count, estimated = await count_rows(tx, statement)
        return Page(
            results=await _describe(scope, tx, rows),
            next=following,
            count=count,
            count_is_estimate=estimated,
        )


async def get_algorithm(system: AppContext, scope: Scope, algorithm_id: int) -> ListedAlgorithm:
    """Get one algorithm.

    Raises:
        NotFound: the caller does not see such an algorithm.
    """
    async with system.database.transaction(scope) as tx:
        [shown] = await _describe(scope, tx, [await get_algorithm_row(scope, tx, algorithm_id)])
        return shown


async def list_classes(
    system: AppContext,
    scope: Scope,
    algorithm_id: int,
    search: str | None,
    limit: int,
    cursor: str | None,
) -> Page[AlgorithmClass]:
    """List the classes of an algorithm in the order of its scores; optionally filter by a text.

    Raises:
        NotFound: the caller does not see such an algorithm.
    """
    behind = -1 if cursor is None else int(decode_cursor(cursor, [int])[0])
    async with system.database.transaction(scope) as tx:
        row = await get_algorithm_row(scope, tx, algorithm_id)
        found, count = await list_stored_classes(scope, tx, row, search, behind, limit)
    results = [AlgorithmClass(index=index, label=label) for index, label in found[:limit]]
    following = encode_cursor([results[-1].index]) if len(found) > limit else None
    return Page(results=results, next=following, count=count)


async def _describe(
    scope: Scope, tx: Transaction, rows: Sequence[AlgorithmRow]
) -> list[ListedAlgorithm]:
    classes = await count_classes(scope, tx, rows)
    pipelines = await list_pipeline_slugs(scope, tx, rows)
    return [
        ListedAlgorithm(
            id=row.id,
            project_id=row.project_id,
            key=row.key,
            name=row.name,
            version=row.version,
            version_name=row.version_name,
            description=row.description,
            task_type=row.task_type,
            uri=row.uri,
            classes=classes.get(bytes(row.map_sha256 or b""), 0),
            registered=row.registered,
            pipelines=pipelines.get(row.id, []),
            created_at=row.created_at,
        )
        for row in rows
    ]
