"""List, create, get and withdraw identifications."""

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
    person: Annotated[UUID | None, Query(description="Only identifications by this user.")] = None,
    taxon: UUID | None = None,
    withdrawn: Annotated[
        bool | None, Query(description="Only identifications that are, or are not, withdrawn.")
    ] = None,
    created_after: GivenTime | None = None,
    created_before: GivenTime | None = None,
    order: IdentificationOrder = IdentificationOrder.NEWEST_FIRST,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[Identification]:
    """List identifications of one project, or of all your projects, withdrawn ones included."""
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
    """Identify annotations or whole images: all identifications are stored, or none.

    The latest identification is effective and replaces the result of the model, which is kept.
    """
    return await identifications.create_identifications(system, scope, wanted)


@router.post("/withdraw")
async def withdraw_identifications(
    system: SystemOf, scope: ScopeOf, wanted: WithdrawRequest
) -> WithdrawResult:
    """Withdraw identifications, all or none; those of other users require the manager role."""
    return await identifications.withdraw_identifications(system, scope, wanted)


@router.get("/{identification_id}")
async def get_identification(
    system: SystemOf, scope: ScopeOf, identification_id: UUID
) -> Identification:
    """Get an identification, also a withdrawn one."""
    return await identifications.get_identification(system, scope, identification_id)
