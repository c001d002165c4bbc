"""Routes of algorithms: list, get, and search their class lists."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from trapline.server.accounts.routes.access import ScopeOf, SystemOf
from trapline.server.platform.http.parameters import (
    LARGEST,
    Cursor,
    Limit,
    ProjectFilter,
    QueryText,
)
from trapline.server.queue.actions import algorithms
from trapline.wire.algorithms import AlgorithmClass, ListedAlgorithm
from trapline.wire.values import Page

router = APIRouter(prefix="/algorithms", tags=["pipelines"])

AlgorithmPath = Annotated[int, Path(ge=1, le=LARGEST)]
Search = Annotated[
    QueryText | None, Query(description="Text in a name, key or class; case-insensitive.")
]


@router.get("")
async def list_algorithms(
    system: SystemOf,
    scope: ScopeOf,
    project: ProjectFilter = None,
    search: Search = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[ListedAlgorithm]:
    """List algorithms by name, in one project or in all of yours; filter by name, key or class."""
    return await algorithms.list_algorithms(system, scope, project, search, limit, cursor)


@router.get("/{algorithm_id}")
async def get_algorithm(
    system: SystemOf, scope: ScopeOf, algorithm_id: AlgorithmPath
) -> ListedAlgorithm:
    """Get one revision of an algorithm."""
    return await algorithms.get_algorithm(system, scope, algorithm_id)


@router.get("/{algorithm_id}/classes")
async def list_algorithm_classes(
    system: SystemOf,
    scope: ScopeOf,
    algorithm_id: AlgorithmPath,
    search: Search = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[AlgorithmClass]:
    """List the classes of an algorithm in the order of its scores; optionally filter by a text."""
    return await algorithms.list_classes(system, scope, algorithm_id, search, limit, cursor)
