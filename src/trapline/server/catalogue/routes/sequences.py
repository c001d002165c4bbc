"""List, get, split and merge sequences."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from trapline.server.accounts.routes.access import ScopeOf, SystemOf
from trapline.server.catalogue.actions import sequence_changes, sequences
from trapline.server.catalogue.actions.sequences import SequenceFilter
from trapline.server.platform.http.parameters import LARGEST, Cursor, Limit, ProjectFilter
from trapline.wire.sequences import (
    NewSequenceMerge,
    NewSequenceSplit,
    Sequence,
    SequenceChange,
    SequenceOrder,
)
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


@router.post("/split", status_code=201)
async def split_sequence(system: SystemOf, scope: ScopeOf, new: NewSequenceSplit) -> SequenceChange:
    """Split the sequence of an image: the image and all later ones become another sequence.

    The split is kept when images are grouped again, and can be undone.
    """
    return await sequence_changes.split_sequence(system, scope, new)


@router.post("/merge", status_code=201)
async def merge_sequences(
    system: SystemOf, scope: ScopeOf, new: NewSequenceMerge
) -> SequenceChange:
    """Merge consecutive sequences of a deployment into the first of them.

    The merge is kept when images are grouped again, and can be undone. Images that are imported
    later and were captured between its images join the sequence.
    """
    return await sequence_changes.merge_sequences(system, scope, new)


@router.get("/{sequence_id}")
async def get_sequence(system: SystemOf, scope: ScopeOf, sequence_id: UUID) -> Sequence:
    """Get a sequence with at most 1,000 images; `GET /images?sequence=` pages through all."""
    return await sequences.get_sequence(system, scope, sequence_id)
