"""The route of the progress of a review."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query

from trapline.server.accounts.routes.access import ScopeOf, SystemOf
from trapline.server.platform.http.parameters import ProjectPath
from trapline.server.review.actions import review_progress
from trapline.wire.review_progress import ReviewProgress
from trapline.wire.values import GivenTime

router = APIRouter(prefix="/projects/{project_id}/review-progress", tags=["identifications"])
DAY = timedelta(days=1)


@router.get("")
async def get_review_progress(
    system: SystemOf,
    scope: ScopeOf,
    project_id: ProjectPath,
    decided_after: Annotated[
        GivenTime | None,
        Query(description="Count what people decided after this time; by default 24 hours ago."),
    ] = None,
) -> ReviewProgress:
    """Count images and reviewed images of a project, by deployment and by person."""
    return await review_progress.get_review_progress(
        system, scope, project_id, decided_after or datetime.now(UTC) - DAY
    )
