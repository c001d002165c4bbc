"""Create review sets, and claim their items."""

from uuid import UUID

from fastapi import APIRouter, Request, Response

from trapline.server.accounts.routes.access import ScopeOf, SystemOf
from trapline.server.catalogue.actions import new_review_sets
from trapline.server.catalogue.routes.image_parameters import Wanted
from trapline.server.platform.http.parameters import ProjectPath, set_etag
from trapline.wire.review_sets import (
    ClaimedReviewItems,
    NewReviewSet,
    ReviewClaimRequest,
    ReviewSet,
)

router = APIRouter(prefix="/projects/{project_id}/review-sets", tags=["review sets"])


@router.post("", status_code=201)
async def create_review_set(
    system: SystemOf,
    scope: ScopeOf,
    project_id: ProjectPath,
    wanted: Wanted,
    new: NewReviewSet,
    request: Request,
    response: Response,
) -> ReviewSet:
    """Create a review set of the images that match the filter in the query now.

    The filter is that of `GET /images`. Images that match it later are not added.
    """
    created = await new_review_sets.create_review_set(
        system, scope, project_id, wanted, request.url.query, new
    )
    set_etag(response, created.updated_at)
    return created


@router.post("/{set_id}/claims")
async def claim_items(
    system: SystemOf,
    scope: ScopeOf,
    project_id: ProjectPath,
    set_id: UUID,
    wanted: ReviewClaimRequest,
) -> ClaimedReviewItems:
    """Claim items to review for 10 minutes, and renew the claims of items that you hold.

    Other people do not get a claimed item. Your own claims that are not in `held` are returned
    first. You never get an item that you reviewed. Decide with `POST /identifications`; an item
    counts as reviewed with your first decision about one of its images.
    """
    return await new_review_sets.claim_items(system, scope, project_id, set_id, wanted)
