"""Bulk identifications: prepare, start, list and withdraw."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from trapline.server.accounts.routes.access import ScopeOf, SystemOf
from trapline.server.catalogue.actions import bulk_selections
from trapline.server.catalogue.routes.image_parameters import Wanted
from trapline.server.platform.http.parameters import Cursor, Limit, ProjectFilter
from trapline.server.review.actions import bulk_identifications
from trapline.wire.bulk_identifications import BulkIdentification, NewBulkIdentification
from trapline.wire.values import Page

router = APIRouter(prefix="/bulk-identifications", tags=["identifications"])


@router.post("", status_code=201)
async def prepare_bulk_identification(
    system: SystemOf,
    scope: ScopeOf,
    wanted: Wanted,
    new: NewBulkIdentification,
    project: ProjectFilter = None,
) -> BulkIdentification:
    """Select the images of a bulk identification and return their number.

    They are those of `images` or `sequences`, or all images of `project` that match the filter in
    the query. Nothing is identified before the bulk identification is started. It can be started
    within an hour.
    """
    return await bulk_selections.prepare_bulk_identification(system, scope, project, wanted, new)


@router.get("")
async def list_bulk_identifications(
    system: SystemOf,
    scope: ScopeOf,
    project: ProjectFilter = None,
    person: Annotated[UUID | None, Query(description="Only those of this user.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[BulkIdentification]:
    """List the bulk identifications that were started, newest first."""
    return await bulk_identifications.list_bulk_identifications(
        system, scope, project, person, limit=limit, cursor=cursor
    )


@router.get("/{bulk_id}")
async def get_bulk_identification(
    system: SystemOf, scope: ScopeOf, bulk_id: UUID
) -> BulkIdentification:
    """Get a bulk identification with its progress."""
    return await bulk_identifications.get_bulk_identification(system, scope, bulk_id)


@router.post("/{bulk_id}/start", status_code=202)
async def start_bulk_identification(
    system: SystemOf, scope: ScopeOf, bulk_id: UUID
) -> BulkIdentification:
    """Start a bulk identification of your own, or resume it after it stopped.

    A few hundred images are identified when this returns, and the others in the background. Images
    that are deleted, or that another user identified after they were selected, are skipped.
    """
    return await bulk_identifications.start_bulk_identification(system, scope, bulk_id)


@router.post("/{bulk_id}/withdraw", status_code=202)
async def withdraw_bulk_identification(
    system: SystemOf, scope: ScopeOf, bulk_id: UUID
) -> BulkIdentification:
    """Withdraw all identifications of a bulk identification; later ones of its images are kept.

    One of another user requires the manager role.
    """
    return await bulk_identifications.withdraw_bulk_identification(system, scope, bulk_id)
