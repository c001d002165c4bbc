"""Observations and analyses of images, as lists and viewers show them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, any_, func, literal, select
from sqlalchemy.dialects.postgresql import distinct_on

from trapline.server.findings.queries.analyses import AnalysisRow
from trapline.server.findings.queries.annotations import AnnotationRow
from trapline.server.findings.rules.packed_data import unpack_data
from trapline.server.images.queries.deployments import DeploymentRow
from trapline.server.images.queries.images import ImageRow
from trapline.server.images.queries.sequences import SequenceRow
from trapline.server.images.rules.locations import get_shown_name
from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.projects.queries.projects import ProjectRow
from trapline.server.review.queries.human_boxes import CORNERS, HumanBoxRow
from trapline.server.review.queries.observation_rows import (
    SEVERAL_SOURCES,
    NameMeaningRow,
    ObservationRow,
    ObservedClassRow,
)
from trapline.wire.observations import ObservationKind

MAX_BOXES = 50
MAX_ANALYSES = 50


class BoxSummary(NamedTuple):
    """A box with its class and its corners in pixels of the upright image (`data`)."""

    id: UUID
    class_name: str | None
    confidence: float | None
    data: dict[str, Any]


class NameSummary(NamedTuple):
    """A name that an image shows, its number of individuals, and its specificity."""

    name: str
    individuals: int | None
    specificity: int


@dataclass
class ImageFindings:
    """The state of an image's newest analysis, and what its observations say.

    `is_blank` is null for an image without observations. `observed` has the most specific name
    first. `people` are the actors that decided, such as "user:" and an ID.
    """

    state: str | None = None
    is_blank: bool | None = None
    is_human: bool = False
    needs_review: bool = False
    classes: list[str] = field(default_factory=list)
    boxes: list[BoxSummary] = field(default_factory=list)
    observed: list[NameSummary] = field(default_factory=list)
    people: list[str] = field(default_factory=list)


async def list_image_findings(
    scope: Scope, tx: Transaction, image_ids: Sequence[UUID]
) -> dict[UUID, ImageFindings]:
    """List the findings of images by image; the number of statements is constant."""
    found = {image_id: ImageFindings() for image_id in image_ids}
    states = (
        select(AnalysisRow.image_id, AnalysisRow.state)
        .where(AnalysisRow.image_id.in_(image_ids), ~AnalysisRow.simulated)
        .ext(distinct_on(AnalysisRow.image_id))
        .order_by(AnalysisRow.image_id, AnalysisRow.created_at.desc(), AnalysisRow.id.desc())
    )
    for image_id, state in (await tx.session.execute(states)).all():
        found[image_id].state = state
    row, meaning = ObservedClassRow, NameMeaningRow
    specificity = (
        select(func.max(meaning.specificity))
        .where(meaning.set_id == row.set_id, meaning.name == row.class_name)
        .scalar_subquery()
    )
    classes = (
        select(
            *(row.image_id, row.class_name, row.kind, row.human, row.needs_review),
            *(row.count, row.identified_by, func.coalesce(specificity, 0)),
        )
        .join(ProjectRow, ProjectRow.observation_set_id == row.set_id)
        .where(row.image_id.in_(image_ids))
        .order_by(row.image_id, row.human.desc(), row.confidence.desc(), row.class_name)
    )
    rows = (await tx.session.execute(classes)).all()
    for image_id, name, kind, human, needs_review, count, person, specific in rows:
        image = found[image_id]
        if person is not None and person not in image.people:
            image.people.append(person)
        image.is_blank = kind == ObservationKind.BLANK
        image.is_human |= human
        image.needs_review |= needs_review
        if name and not image.is_blank:
            image.classes.append(name)
            image.observed.append(NameSummary(name, count, specific))
    for image in found.values():
        image.observed.sort(key=lambda one: -one.specificity)
    await _list_several_people(tx, found)
    for image_id, boxes in (await _list_boxes(scope, tx, image_ids)).items():
        found[image_id].boxes = boxes
    return found


async def _list_several_people(tx: Transaction, found: Mapping[UUID, ImageFindings]) -> None:
    """Replace SEVERAL_SOURCES by the people who decided about observations of the image."""
    mixed = [key for key, image in found.items() if SEVERAL_SOURCES in image.people]
    if not mixed:
        return
    row = ObservationRow
    statement = (
        select(row.image_id, row.identified_by)
        .join(ProjectRow, ProjectRow.observation_set_id == row.set_id)
        .where(row.image_id.in_(mixed), row.identified_by.is_not(None))
        .order_by(row.image_id, row.identified_at.desc(), row.identified_by)
    )
    for key in mixed:
        found[key].people = []
    for image_id, person in (await tx.session.execute(statement)).all():
        if person is not None and person not in found[image_id].people:
            found[image_id].people.append(person)


async def list_sequence_sizes(
    tx: Transaction, sequence_ids: Iterable[UUID | None]
) -> dict[UUID | None, int]:
    """Return the number of images of each sequence."""
    ids = {one for one in sequence_ids if one is not None}
    statement = select(SequenceRow.id, SequenceRow.images).where(SequenceRow.id.in_(ids))
    return {key: images for key, images in (await tx.session.execute(statement)).all()}


async def _list_boxes(
    scope: Scope, tx: Transaction, image_ids: Sequence[UUID]
) -> dict[UUID, list[BoxSummary]]:
    # Columns instead of mapped rows, which took most of the time of a page with hundreds of boxes.
    shown = (
        select(
            ObservationRow.image_id,
            ObservationRow.annotation_id,
            ObservationRow.name,
            ObservationRow.confidence,
            ObservationRow.human,
        )
        .join(ProjectRow, ProjectRow.observation_set_id == ObservationRow.set_id)
        .where(ObservationRow.image_id.in_(image_ids), ObservationRow.annotation_id.is_not(None))
        .subquery()
    )
    statement = (
        select(
            shown,
            AnnotationRow.class_name,
            AnnotationRow.stored_data,
            AnnotationRow.algorithm_id,
            *(getattr(HumanBoxRow, name) for name in CORNERS),
        )
        .outerjoin(AnnotationRow, AnnotationRow.id == shown.c.annotation_id)
        .outerjoin(HumanBoxRow, HumanBoxRow.id == shown.c.annotation_id)
        .where((AnnotationRow.annotation_type == "bounding_box") | HumanBoxRow.id.is_not(None))
        .order_by(
            shown.c.image_id,
            shown.c.human.desc(),
            shown.c.confidence.desc().nulls_last(),
            shown.c.annotation_id,
        )
    )
    boxes: dict[UUID, list[BoxSummary]] = {}
    for image_id, key, name, confidence, _, label, stored, algorithm_id, *corners in (
        await tx.session.execute(statement)
    ).all():
        of_image = boxes.setdefault(image_id, [])
        if len(of_image) < MAX_BOXES:
            data = dict(zip(CORNERS, corners, strict=True))
            if stored is not None:
                data = unpack_data(stored, label, algorithm_id)
            of_image.append(BoxSummary(key, name or None, confidence, data))
    return boxes


async def list_box_corners(
    scope: Scope, tx: Transaction, boxes: Collection[UUID]
) -> dict[UUID, dict[str, Any]]:
    """List the corners of these boxes of models and people, in pixels of the upright image."""
    # An array, because the boxes of many images exceed the parameters of a statement.
    keys = literal(list(boxes), ARRAY(Uuid))
    of_models = select(
        AnnotationRow.id,
        AnnotationRow.class_name,
        AnnotationRow.stored_data,
        AnnotationRow.algorithm_id,
    ).where(AnnotationRow.id == any_(keys), AnnotationRow.annotation_type == "bounding_box")
    of_people = select(HumanBoxRow.id, *(getattr(HumanBoxRow, name) for name in CORNERS)).where(
        HumanBoxRow.id == any_(keys)
    )
    found = {
        key: unpack_data(stored, label, algorithm_id)
        for key, label, stored, algorithm_id in (await tx.session.execute(of_models)).all()
    }
    return found | {
        key: dict(zip(CORNERS, corners, strict=True))
        for key, *corners in (await tx.session.execute(of_people)).all()
    }


async def list_deployment_names(
    scope: Scope, tx: Transaction, ids: Sequence[UUID], withheld: Collection[UUID]
) -> dict[UUID, str]:
    """List the names of deployments; those of `withheld` ones are replaced."""
    statement = select(DeploymentRow.id, DeploymentRow.name).where(DeploymentRow.id.in_(set(ids)))
    return {
        key: get_shown_name(key) if key in withheld else name
        for key, name in (await tx.session.execute(statement)).all()
    }


async def list_analyses(scope: Scope, tx: Transaction, image: ImageRow) -> list[AnalysisRow]:
    """List an image's analyses, newest first and simulated ones last, at most MAX_ANALYSES."""
    scope.check(image.project_id)
    statement = (
        select(AnalysisRow)
        .where(AnalysisRow.image_id == image.id)
        .order_by(AnalysisRow.simulated, AnalysisRow.created_at.desc(), AnalysisRow.id.desc())
        .limit(MAX_ANALYSES)
    )
    return list((await tx.session.scalars(statement)).all())
