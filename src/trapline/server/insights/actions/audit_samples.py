"""Random audit samples: review sets whose images were drawn at random."""

import secrets

from trapline.server.insights.actions.reviewed_models import (
    compare_version,
    get_current_set,
    parse_source,
)
from trapline.server.insights.queries.model_answers import (
    draw_class_images,
    draw_images,
    list_meanings,
)
from trapline.server.insights.rules.class_answers import ClassNames
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.idempotency import find_saved_response, save_response
from trapline.server.platform.errors import Unprocessable
from trapline.server.review.actions.review_sets import build_review_sets, require_reviewers
from trapline.server.review.queries.answer_pairs import find_compared_pair
from trapline.server.review.queries.review_sets import ReviewSetRow, create_items, replace_people
from trapline.wire.image_filters import PEOPLE
from trapline.wire.model_quality import NewAuditSample
from trapline.wire.review_sets import (
    MOST_IMAGES,
    ReviewSet,
    ReviewSetKind,
    ReviewSetOrder,
    ReviewUnit,
)


async def create_audit_sample(
    system: AppContext, scope: Scope, project_id: int, new: NewAuditSample
) -> ReviewSet:
    """Draw a random audit sample and create its review set.

    Raises:
        NotFound, Forbidden: the caller has no access to the project, or is not a manager.
        Unprocessable: no image is left to draw, or one of the people cannot review.
    """
    if new.class_name is not None and new.source is None:
        reason = "is required with class_name: the model that found the class"
        raise Unprocessable(f"source: {reason}. Nothing was created.", [("source", reason)])
    if new.source is not None:
        parse_source(new.source)
    start = secrets.token_hex(4)
    async with system.database.transaction(scope) as tx:
        done = await find_saved_response(scope, tx, ReviewSet)
        if done:
            return done
        of = await get_current_set(scope, tx, project_id)
        await require_reviewers(scope, tx, project_id, new.people)
        if new.class_name is None or new.source is None:
            images = await draw_images(scope, tx, project_id, new.images, start)
        else:
            found = await find_compared_pair(scope, tx, project_id, new.source, PEOPLE)
            pair = found[0] if found is not None else None
            meanings = await list_meanings(scope, tx, project_id, of.id)
            classes = ClassNames(meanings, [frozenset({new.class_name, *meanings})])
            if pair is not None:
                classes = (await compare_version(scope, tx, project_id, of, pair)).classes.extend(
                    {new.class_name, *meanings}
                )
            images = await draw_class_images(
                scope,
                tx,
                project_id,
                of.id,
                pair,
                source=new.source,
                class_name=new.class_name,
                names=classes.list_descendants(new.class_name),
                most=new.images,
                start=start,
            )
        if not images:
            raise Unprocessable(
                "No image is left to draw: all images of this kind are in random audit samples, or "
                "no model has found the class. Nothing was created."
            )
        of_class = new.class_name is not None
        row = ReviewSetRow(
            project_id=project_id,
            name=new.name or (f"Random audit: {new.class_name}" if of_class else "Random audit"),
            unit=ReviewUnit.IMAGE.value,
            reviews=1,
            item_order=ReviewSetOrder.RANDOM.value,
            filter="",
            kind=ReviewSetKind.RANDOM_AUDIT.value,
            audit_class=new.class_name,
            audit_source=new.source if of_class else None,
            created_by=scope.person,
        )
        tx.session.add(row)
        await tx.session.flush()
        await tx.session.refresh(row)
        await create_items(scope, tx, row, images, MOST_IMAGES)
        if new.people:
            await replace_people(scope, tx, row, new.people)
        tx.audit(
            "create random audit sample",
            "review set",
            row.id,
            project_id,
            name=row.name,
            images=len(images),
            class_name=new.class_name,
            source=row.audit_source,
            start=start,
        )
        [built] = await build_review_sets(scope, tx, [row])
        return save_response(scope, tx, built)
