"""List and get sequences."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from trapline.server.accounts.routes.access import ScopeOf, SystemOf
from trapline.server.catalogue.actions import sequences
from trapline.server.catalogue.actions.sequences import SequenceFilter
from trapline.server.platform.http.parameters import LARGEST, Cursor, Limit, ProjectFilter
from trapline.wire.sequences import Sequence, SequenceOrder
from trapline.wire.values import GivenTime, Page

router = APIRouter(prefix="/sequences", tags=["sequences"])


@router.get("")
async def list_sequences(
    system: SystemOf,
    scope: ScopeOf,
    project: ProjectFilter = None,
    deployment: UUID | None = None,
    started_after: GivenTime | None = None,
    started_before: GivenTime | None = None,
    images_min: Annotated[int | None, Query(ge=1, le=LARGEST)] = None,
    order: SequenceOrder = SequenceOrder.NEWEST_FIRST,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[Sequence]:
    """List sequences by start time, each with its first images."""
    wanted = SequenceFilter(deployment, started_after, started_before, images_min)
    descending = order == SequenceOrder.NEWEST_FIRST
    return await sequences.list_sequences(
        system, scope, project, wanted, descending=descending, limit=limit, cursor=cursor
    )


@router.get("/{sequence_id}")
async def get_sequence(system: SystemOf, scope: ScopeOf, sequence_id: UUID) -> Sequence:
    """Get a sequence with at most 1,000 images; `GET /images?sequence=` pages through all."""
    return await sequences.get_sequence(system, scope, sequence_id)
