"""Splits and merges of sequences: list, get and undo."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query

from trapline.server.accounts.routes.access import ScopeOf, SystemOf
from trapline.server.catalogue.actions import sequence_changes
from trapline.server.platform.http.parameters import LARGEST, Cursor, Limit, ProjectFilter
from trapline.wire.sequences import SequenceChange
from trapline.wire.values import Page

router = APIRouter(prefix="/sequence-changes", tags=["sequences"])
ChangePath = Annotated[int, Path(ge=1, le=LARGEST)]


@router.get("")
async def list_sequence_changes(
    system: SystemOf,
    scope: ScopeOf,
    project: ProjectFilter = None,
    deployment: Annotated[UUID | None, Query(description="Only those of this deployment.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[SequenceChange]:
    """List splits and merges of sequences, newest first; undone ones are included."""
    return await sequence_changes.list_sequence_changes(
        system, scope, project, deployment, limit=limit, cursor=cursor
    )


@router.get("/{change_id}")
async def get_sequence_change(
    system: SystemOf, scope: ScopeOf, change_id: ChangePath
) -> SequenceChange:
    """Get a split or a merge."""
    return await sequence_changes.get_sequence_change(system, scope, change_id)


@router.post("/{change_id}/undo")
async def undo_sequence_change(
    system: SystemOf, scope: ScopeOf, change_id: ChangePath
) -> SequenceChange:
    """Undo a split or a merge: its images are grouped as before it.

    One of another user requires the manager role. If a later change concerns the same images, it
    must be undone first (409). Repeated, nothing changes.
    """
    return await sequence_changes.undo_sequence_change(system, scope, change_id)
