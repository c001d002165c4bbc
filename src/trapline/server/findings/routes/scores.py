"""The scores of a classification."""

from uuid import UUID

from fastapi import APIRouter

from trapline.server.accounts.routes.access import ScopeOf, SystemOf
from trapline.server.findings.actions import scores
from trapline.wire.annotations import ClassificationScores

router = APIRouter(tags=["annotations"])


@router.get("/annotations/{annotation_id}/scores")
async def get_scores(system: SystemOf, scope: ScopeOf, annotation_id: UUID) -> ClassificationScores:
    """Get the scores of a classification over its whole class list, and its logits if stored.

    Numbers are exact to single precision; one beyond its range is 1e39 or -1e39.
    """
    return await scores.get_scores(system, scope, annotation_id)
