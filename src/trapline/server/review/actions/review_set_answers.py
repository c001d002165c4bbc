"""Derive the answers of people in a review set, and compare them."""

import asyncio
from collections.abc import Mapping
from uuid import UUID

from trapline.server.accounts.queries.accounts import list_actor_names
from trapline.server.platform.access import RANK, Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.review.actions.independent_observations import load_current_inputs
from trapline.server.review.queries.review_set_items import (
    count_pending_reviews,
    list_answers,
    list_first_images,
    list_item_images,
    list_pending_reviews,
    list_person_progress,
    save_answers,
)
from trapline.server.review.queries.review_sets import ReviewSetRow, get_review_set_row
from trapline.server.review.rules.review_set_agreement import (
    Answer,
    SetAgreement,
    compare_people,
    find_answer,
)
from trapline.wire.auth import Role
from trapline.wire.review_sets import (
    AgreementPair,
    ReviewAnswer,
    ReviewDisagreement,
    ReviewDisagreements,
    ReviewSetAgreement,
    ReviewSetMember,
    ReviewSetProgress,
)

DERIVED_AT_ONCE = 1000
"""Number of reviews whose answers one request derives."""
IMAGES_AT_ONCE = 300
"""Number of images after which a request derives no further answers; the first item is whole."""
MOST_DISAGREEMENTS = 200


async def derive_pending_answers(scope: Scope, tx: Transaction, row: ReviewSetRow) -> int:
    """Derive answers of reviews that have none yet; return the number of those that remain.

    An answer is stored with its review and is derived again after the person decides again. Reviews
    of items without an image wait until one is restored.
    """
    pending = await list_pending_reviews(scope, tx, row, DERIVED_AT_ONCE)
    if pending:
        images = _limit(
            await list_item_images(scope, tx, row, {position for position, *_ in pending})
        )
        keys = {image for each in images.values() for image in each}
        loaded, settings = await load_current_inputs(scope, tx, row.project_id, keys)
        inputs = {one.id: one for one in loaded}

        def derive() -> dict[tuple[int, UUID], Answer]:
            return {
                (position, user_id): find_answer(
                    [inputs[image] for image in images[position]], f"user:{user_id}", settings
                )
                for position, user_id, _ in pending
                if position in images
            }

        # In a thread: the derivation of large items takes longer than other requests wait.
        await save_answers(scope, tx, row, await asyncio.to_thread(derive))
    return await count_pending_reviews(scope, tx, row)


def _limit(images: Mapping[int, list[UUID]]) -> dict[int, list[UUID]]:
    """Keep the first items, as many as a request derives."""
    kept: dict[int, list[UUID]] = {}
    for position in sorted(images):
        if sum(map(len, kept.values())) >= IMAGES_AT_ONCE:
            break
        kept[position] = images[position]
    return kept


async def get_review_set_progress(
    system: AppContext, scope: Scope, project_id: int, set_id: UUID
) -> ReviewSetProgress:
    """Get the progress of a set by person and the agreement of its people.

    Only owners see how people answered control items. Raises NotFound, Forbidden.
    """
    async with system.database.transaction(scope) as tx:
        row = await get_review_set_row(scope, tx, project_id, set_id)
        pending = await derive_pending_answers(scope, tx, row)
        people = await list_person_progress(scope, tx, row)
        answers = await _list_by_item(scope, tx, row)
        agreement = await asyncio.to_thread(compare_people, answers, row.reviews)
        names = await list_actor_names(scope, tx, {f"user:{one.user_id}" for one in people})
    shows_controls = _is_owner(scope, project_id)
    return ReviewSetProgress(
        people=[
            ReviewSetMember(
                user_id=one.user_id,
                name=names[f"user:{one.user_id}"],
                reviewed=one.reviewed,
                last_review_at=one.last_review_at,
                claimed=one.claimed,
                controls=one.controls if shows_controls else None,
                controls_right=one.controls_right if shows_controls else None,
            )
            for one in people
        ],
        agreement=_build_agreement(agreement, row.reviews, pending),
    )


async def list_disagreements(
    system: AppContext, scope: Scope, project_id: int, set_id: UUID
) -> ReviewDisagreements:
    """List the first items of a set on which people gave different answers. Raises NotFound."""
    async with system.database.transaction(scope) as tx:
        row = await get_review_set_row(scope, tx, project_id, set_id)
        await derive_pending_answers(scope, tx, row)
        found = {
            position: answers
            for position, answers in (await _list_by_item(scope, tx, row)).items()
            if len(set(answers.values())) > 1
        }
        images: dict[int, UUID] = {}
        differing = sorted(found)
        while differing and len(images) < MOST_DISAGREEMENTS:
            some, differing = differing[:MOST_DISAGREEMENTS], differing[MOST_DISAGREEMENTS:]
            images |= await list_first_images(scope, tx, row, some)
        shown = sorted(images)[:MOST_DISAGREEMENTS]
        actors = {f"user:{key}" for position in shown for key in found[position]}
        names = await list_actor_names(scope, tx, actors)
    return ReviewDisagreements(
        results=[
            ReviewDisagreement(
                position=position,
                image_id=images[position],
                answers=[
                    ReviewAnswer(user_id=key, name=names[f"user:{key}"], answer=list(answer))
                    for key, answer in found[position].items()
                ],
            )
            for position in shown
        ]
    )


async def _list_by_item(
    scope: Scope, tx: Transaction, row: ReviewSetRow
) -> dict[int, dict[UUID, Answer]]:
    by_item: dict[int, dict[UUID, Answer]] = {}
    for position, user_id, answer in await list_answers(scope, tx, row):
        by_item.setdefault(position, {})[user_id] = answer
    return by_item


def _build_agreement(found: SetAgreement, ratings: int, pending: int) -> ReviewSetAgreement:
    return ReviewSetAgreement(
        pairs=[
            AgreementPair(
                first=one.first,
                second=one.second,
                items=one.items,
                equal=one.equal,
                share=one.equal / one.items,
                kappa=one.kappa,
            )
            for one in found.pairs
        ],
        compared=found.compared,
        unanimous=found.unanimous,
        ratings=ratings,
        rated=found.rated,
        kappa=found.kappa,
        pending=pending,
    )


def _is_owner(scope: Scope, project_id: int) -> bool:
    if scope.everything:
        return True
    role = scope.roles.get(project_id)
    return role is not None and RANK[role] >= RANK[Role.OWNER]
