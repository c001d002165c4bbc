"""Identifications: list, say, show, withdraw."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from trapline.server.accounts.routes.access import ScopeOf, SystemOf
from trapline.server.platform.http.parameters import Cursor, Limit, ProjectFilter
from trapline.server.review.actions import identifications
from trapline.server.review.rules.filters import IdentificationFilter
from trapline.wire.identifications import (
    CreatedIdentifications,
    Identification,
    IdentificationKind,
    IdentificationOrder,
    NewIdentifications,
    WithdrawRequest,
    WithdrawResult,
)
from trapline.wire.values import GivenTime, Page

router = APIRouter(prefix="/identifications", tags=["identifications"])


@router.get("")
async def list_identifications(
    system: SystemOf,
    scope: ScopeOf,
    project: ProjectFilter = None,
    image: UUID | None = None,
    annotation: UUID | None = None,
    kind: IdentificationKind | None = None,
    person: Annotated[UUID | None, Query(description="Only what this person said.")] = None,
    taxon: UUID | None = None,
    withdrawn: Annotated[
        bool | None, Query(description="Only what was withdrawn, or what was not.")
    ] = None,
    created_after: GivenTime | None = None,
    created_before: GivenTime | None = None,
    order: IdentificationOrder = IdentificationOrder.NEWEST_FIRST,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[Identification]:
    """List who said what, of one project or of all of yours; what was withdrawn is among it."""
    wanted = IdentificationFilter(
        image_id=image,
        annotation_id=annotation,
        kind=kind.value if kind else None,
        made_by=f"user:{person}" if person else None,
        taxon_id=taxon,
        withdrawn=withdrawn,
        created_after=created_after,
        created_before=created_before,
    )
    descending = order == IdentificationOrder.NEWEST_FIRST
    return await identifications.list_identifications(
        system, scope, project, wanted, descending=descending, limit=limit, cursor=cursor
    )


@router.post("", status_code=201)
async def create_identifications(
    system: SystemOf, scope: ScopeOf, wanted: NewIdentifications
) -> CreatedIdentifications:
    """Say what annotations, or whole images, really are: all of it is stored, or nothing.

    Of all that is said the latest holds, and before the model's own words, which stay as they are.
    """
    return await identifications.create_identifications(system, scope, wanted)


@router.post("/withdraw")
async def withdraw_identifications(
    system: SystemOf, scope: ScopeOf, wanted: WithdrawRequest
) -> WithdrawResult:
    """Withdraw identifications, all of them or none: your own, or as a manager anybody's."""
    return await identifications.withdraw_identifications(system, scope, wanted)


@router.get("/{identification_id}")
async def get_identification(
    system: SystemOf, scope: ScopeOf, identification_id: UUID
) -> Identification:
    """Show one identification, also one that was withdrawn."""
    return await identifications.get_identification(system, scope, identification_id)
