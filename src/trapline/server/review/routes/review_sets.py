"""List, get, change and delete review sets, their progress and their control items."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from trapline.server.accounts.routes.access import ScopeOf, SystemOf
from trapline.server.platform.http.parameters import Cursor, Limit, ProjectPath, set_etag
from trapline.server.review.actions import review_set_answers, review_set_claims, review_sets
from trapline.wire.review_sets import (
    ReleasedReviewItems,
    ReviewControlAnswer,
    ReviewControls,
    ReviewDisagreements,
    ReviewReleaseRequest,
    ReviewSet,
    ReviewSetProgress,
    ReviewSetUpdate,
)
from trapline.wire.values import Page

router = APIRouter(prefix="/projects/{project_id}/review-sets", tags=["review sets"])


@router.get("")
async def list_review_sets(
    system: SystemOf,
    scope: ScopeOf,
    project_id: ProjectPath,
    mine: Annotated[
        bool, Query(description="Only sets that are assigned to you or open to all reviewers.")
    ] = False,
    closed: Annotated[
        bool | None, Query(description="Only sets that are, or are not, closed.")
    ] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[ReviewSet]:
    """List review sets, newest first; reviewers see those that they can work on."""
    return await review_sets.list_review_sets(
        system, scope, project_id, mine=mine, closed=closed, limit=limit, cursor=cursor
    )


@router.get("/{set_id}")
async def get_review_set(
    system: SystemOf, scope: ScopeOf, project_id: ProjectPath, set_id: UUID, response: Response
) -> ReviewSet:
    """Get a review set with its progress."""
    found = await review_sets.get_review_set(system, scope, project_id, set_id)
    set_etag(response, found.updated_at)
    return found


@router.patch("/{set_id}")
async def update_review_set(
    system: SystemOf,
    scope: ScopeOf,
    project_id: ProjectPath,
    set_id: UUID,
    change: ReviewSetUpdate,
    response: Response,
) -> ReviewSet:
    """Change the name or the people of a review set, close it, or open it again."""
    found = await review_sets.update_review_set(system, scope, project_id, set_id, change)
    set_etag(response, found.updated_at)
    return found


@router.delete("/{set_id}", status_code=204)
async def delete_review_set(
    system: SystemOf, scope: ScopeOf, project_id: ProjectPath, set_id: UUID
) -> None:
    """Delete a review set; the decisions that were made in it are kept."""
    await review_sets.delete_review_set(system, scope, project_id, set_id)


@router.post("/{set_id}/release")
async def release_items(
    system: SystemOf,
    scope: ScopeOf,
    project_id: ProjectPath,
    set_id: UUID,
    wanted: ReviewReleaseRequest,
) -> ReleasedReviewItems:
    """Release your claims in a review set, so that other people get the items immediately."""
    return await review_set_claims.release_items(system, scope, project_id, set_id, wanted)


@router.get("/{set_id}/progress")
async def get_review_set_progress(
    system: SystemOf, scope: ScopeOf, project_id: ProjectPath, set_id: UUID
) -> ReviewSetProgress:
    """Get the progress by person, and the agreement between people."""
    return await review_set_answers.get_review_set_progress(system, scope, project_id, set_id)


@router.get("/{set_id}/disagreements")
async def list_disagreements(
    system: SystemOf, scope: ScopeOf, project_id: ProjectPath, set_id: UUID
) -> ReviewDisagreements:
    """List the first 200 items on which people gave different answers."""
    return await review_set_answers.list_disagreements(system, scope, project_id, set_id)


@router.get("/{set_id}/controls")
async def get_controls(
    system: SystemOf, scope: ScopeOf, project_id: ProjectPath, set_id: UUID
) -> ReviewControls:
    """List the control items of a review set with their known answers."""
    return await review_sets.get_controls(system, scope, project_id, set_id)


@router.put("/{set_id}/controls/{image_id}")
async def set_control_answer(
    system: SystemOf,
    scope: ScopeOf,
    project_id: ProjectPath,
    set_id: UUID,
    image_id: UUID,
    answer: ReviewControlAnswer,
) -> ReviewControls:
    """Mark the item of an image as a control item with a known answer.

    Every reviewer of the set gets each control item, without a mark.
    """
    return await review_sets.set_control_answer(system, scope, project_id, set_id, image_id, answer)


@router.delete("/{set_id}/controls/{image_id}", status_code=204)
async def remove_control(
    system: SystemOf, scope: ScopeOf, project_id: ProjectPath, set_id: UUID, image_id: UUID
) -> None:
    """Make a control item an ordinary item again."""
    await review_sets.remove_control(system, scope, project_id, set_id, image_id)
