"""Show how far the review of a project is."""

from datetime import datetime

from trapline.server.accounts.queries.accounts import list_actor_names
from trapline.server.images.queries.locations import list_precisions
from trapline.server.images.rules.locations import get_shown_name
from trapline.server.platform.access import Scope, parse_actor
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.projects.queries.projects import get_project_row
from trapline.server.review.queries.review_progress import (
    count_images_by_person,
    count_recent_by_person,
    list_deployment_progress,
)
from trapline.server.review.rules.identifications import can_see_people
from trapline.wire.review_progress import DeploymentProgress, ReviewerProgress, ReviewProgress

MOST = 1000


async def get_review_progress(
    system: AppContext, scope: Scope, project_id: int, since: datetime
) -> ReviewProgress:
    """Count images and reviewed images by deployment and by person. Raises NotFound."""
    async with system.database.transaction(scope) as tx:
        await get_project_row(scope, tx, project_id)
        rows = await list_deployment_progress(scope, tx, project_id)
        withheld = await list_precisions(scope, tx, [project_id])
        people = await _list_people(scope, tx, project_id, since) if can_see_people(scope) else []
    return ReviewProgress(
        project_id=project_id,
        images=sum(images for _, _, images, _ in rows),
        reviewed=sum(reviewed for *_, reviewed in rows),
        decided_after=since,
        deployments=[
            DeploymentProgress(
                deployment_id=key,
                name=get_shown_name(key) if key in withheld else name,
                images=images,
                reviewed=reviewed,
            )
            for key, name, images, reviewed in rows[:MOST]
        ],
        people=people,
    )


async def _list_people(
    scope: Scope, tx: Transaction, project_id: int, since: datetime
) -> list[ReviewerProgress]:
    all_time = await count_images_by_person(scope, tx, project_id)
    recent = await count_recent_by_person(scope, tx, project_id, since)
    actors = all_time.keys() | recent.keys()
    names = await list_actor_names(scope, tx, actors)
    people = [
        ReviewerProgress(
            person_id=parse_actor(actor),
            by=names[actor],
            images=all_time.get(actor, 0),
            recent=recent.get(actor, 0),
        )
        for actor in actors
    ]
    return sorted(people, key=lambda one: (-one.images, -one.recent, one.by))[:MOST]
