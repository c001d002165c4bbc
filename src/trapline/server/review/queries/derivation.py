"""Derive observations and the class index of images, in the transaction that changes them."""

from collections.abc import Collection, Iterable
from hashlib import md5
from typing import Any
from uuid import UUID

from trapline.server.findings.queries.annotations import to_jsonb
from trapline.server.findings.queries.day_count_changes import add_changes, count_shown
from trapline.server.findings.queries.day_counts import mark_days_dirty
from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.review.queries.answer_pairs import store_answer_pairs
from trapline.server.review.queries.observation_inputs import load_inputs
from trapline.server.review.queries.observation_rows import BUILDING
from trapline.server.review.queries.observation_sets import (
    ObservationSet,
    add_pipelines,
    list_active_sets,
    list_ranks,
)
from trapline.server.review.queries.simple_derivation import (
    ANY_JOINS,
    CLEAR,
    DERIVE,
    DERIVE_CLEARED,
    HASH_JOINS,
    STORE,
    STORE_CLEARED,
)
from trapline.server.review.rules.answers import AnswerPair, compare_answers
from trapline.server.review.rules.observation_inputs import (
    DerivedObservation,
)
from trapline.server.review.rules.observations import derive_observations


async def refresh_observations(
    scope: Scope, tx: Transaction, project_id: int, images: Collection[UUID]
) -> None:
    """Derive the observations of images of a project again.

    The images are locked first, so that of two transactions the later one sees what both changed.
    """
    if not images:
        return
    ordered = sorted(images)
    await _lock_images(tx, ordered)
    for one in await list_active_sets(scope, tx, project_id):
        await derive_set(scope, tx, one, ordered)
    await mark_days_dirty(tx, ordered)


async def refresh_stated_observations(
    scope: Scope, tx: Transaction, project_id: int, images: Collection[UUID]
) -> None:
    """Derive observations after a person changed what images show; the counts by day follow."""
    await _lock_images(tx, images)
    before = await count_shown(tx, images)
    await refresh_observations(scope, tx, project_id, images)
    await add_changes(tx, before, await count_shown(tx, images))


async def _lock_images(tx: Transaction, images: Collection[UUID]) -> None:
    await tx.execute(
        "select 1 from images where id = any(%b) order by id for no key update", (sorted(images),)
    )


async def derive_set(
    scope: Scope, tx: Transaction, of: ObservationSet, images: Collection[UUID]
) -> None:
    """Derive the observations of locked images in one set, and store what changed."""
    settings = of.build_settings({})
    parameters: dict[str, Any] = {
        "set": of.id,
        "project": of.project_id,
        "images": list(images),
        "combines": settings.combines,
        "detection_threshold": settings.detection_threshold,
        "classification_threshold": settings.classification_threshold,
        "review_threshold": settings.review_threshold,
    }
    is_new = of.state == BUILDING
    if is_new:
        for statement in CLEAR:
            await tx.execute(statement, parameters)
    await tx.execute(HASH_JOINS)
    cursor = await tx.execute(DERIVE_CLEARED if is_new else DERIVE, parameters)
    found = [image_id for (image_id,) in await cursor.fetchall()]
    await tx.execute(ANY_JOINS)
    pairs: dict[UUID, list[AnswerPair]] = {}
    if found:
        parameters["images"] = found
        rows, pairs = await _derive_complex(scope, tx, of, found)
        parameters["rows"] = to_jsonb(rows)
        await tx.execute(STORE_CLEARED if is_new else STORE, parameters)
    await store_answer_pairs(scope, tx, of, images, pairs)


async def _derive_complex(
    scope: Scope, tx: Transaction, of: ObservationSet, images: Collection[UUID]
) -> tuple[list[dict[str, Any]], dict[UUID, list[AnswerPair]]]:
    """Derive images of which a decision is needed, or whose pipelines or labels are new.

    Returns the rows of their observations, and the answers that are compared.
    """
    cursor = await tx.execute(
        "select distinct a.model_name from analyses a "
        "where a.image_id = any(%b) and a.state = 'completed' and not a.simulated",
        (list(images),),
    )
    await add_pipelines(scope, tx, of, {name for (name,) in await cursor.fetchall()})
    settings = of.build_settings(await list_ranks(scope, tx, of))
    rows: list[dict[str, Any]] = []
    pairs = {}
    for image in await load_inputs(scope, tx, of, settings, images):
        observations = derive_observations(image, settings)
        rows += build_rows(image.id, observations)
        pairs[image.id] = compare_answers(image, observations, settings)
    return rows, pairs


def build_rows(image_id: UUID, observations: Iterable[DerivedObservation]) -> list[dict[str, Any]]:
    """Build the rows of the observations of an image.

    Their ids are those of the findings, or are computed from what the observation says, so that
    deriving it again gives the same.
    """
    rows = []
    for place, one in enumerate(observations):
        rows.append(
            {
                "image_id": image_id,
                "id": _get_id(image_id, one, place),
                "annotation_id": one.subject,
                "kind": one.kind,
                "name": one.name,
                "label": one.label,
                "taxon_id": one.taxon_id,
                "count": one.count,
                "sex": one.sex,
                "life_stage": one.life_stage,
                "behaviour": one.behaviour,
                "individual_id": one.individual_id,
                "human": one.is_human,
                "confidence": one.confidence,
                "analysis_id": one.analysis_id,
                "identification_id": one.identification_id,
                "identified_by": one.identified_by,
                "identified_at": one.identified_at,
                "needs_review": one.needs_review,
            }
        )
    return rows


def _get_id(image_id: UUID, one: DerivedObservation, place: int) -> UUID:
    if one.subject is not None:
        return one.subject
    if one.finding_id is not None:
        return one.finding_id
    said = "blank" if one.identification_id is None else f"{one.identification_id}{place}"
    return UUID(md5(f"{image_id}{said}".encode(), usedforsecurity=False).hexdigest())
