"""Annotations: what is too long for the list of an image's findings."""

from uuid import UUID

from fastapi import APIRouter

from trapline.server.actions import annotations
from trapline.server.routes.access import ScopeOf, SystemOf
from trapline.wire.annotations import Scores

router = APIRouter(prefix="/annotations", tags=["annotations"])


@router.get("/{annotation_id}/scores")
async def show_scores(system: SystemOf, scope: ScopeOf, annotation_id: UUID) -> Scores:
    """Show the scores of a classification over its whole class list, and its logits if they were sent.

    They are exact to single precision; a number beyond that is told as 1e39 or -1e39.
    """
    return await annotations.show_scores(system, scope, annotation_id)
