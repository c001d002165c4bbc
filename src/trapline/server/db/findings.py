"""What analyses found on images, as lists and viewers of images show it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Select, exists, select, true, tuple_
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import aliased

from trapline.server.db.analyses import AnalysisRow
from trapline.server.db.annotations import AnnotationRow
from trapline.server.db.base import Transaction
from trapline.server.db.deployments import DeploymentRow
from trapline.server.db.images import ImageClassRow, ImageRow
from trapline.server.rules.access import Scope

MAX_BOXES = 50
MAX_ANALYSES = 50
NONE = "none"


@dataclass(frozen=True)
class ImageFilter:
    """Which of the images that the caller sees; None takes all. `analysis_state` is the newest analysis's, or none."""

    deployment_id: UUID | None = None
    class_name: str | None = None
    analysis_state: str | None = None
    captured_after: datetime | None = None
    captured_before: datetime | None = None
    confidence_min: float | None = None
    job_id: int | None = None


@dataclass
class Findings:
    """What is known of one image: the state of its newest analysis, its classes, and the boxes of the newest result."""

    state: str | None = None
    classes: list[str] = field(default_factory=list)
    boxes: list[AnnotationRow] = field(default_factory=list)


def filter_images(statement: Select[ImageRow], wanted: ImageFilter) -> Select[ImageRow]:
    """Narrow a statement of images."""
    if wanted.deployment_id is not None:
        statement = statement.where(ImageRow.deployment_id == wanted.deployment_id)
    if wanted.job_id is not None:
        statement = statement.where(
            exists().where(AnalysisRow.image_id == ImageRow.id, AnalysisRow.job_id == wanted.job_id)
        )
    if wanted.captured_after is not None:
        statement = statement.where(ImageRow.captured_at >= wanted.captured_after)
    if wanted.captured_before is not None:
        statement = statement.where(ImageRow.captured_at < wanted.captured_before)
    if wanted.class_name is not None:
        statement = statement.join(ImageClassRow, ImageClassRow.image_id == ImageRow.id).where(
            ImageClassRow.project_id == ImageRow.project_id, ImageClassRow.class_name == wanted.class_name
        )
        if wanted.confidence_min is not None:
            statement = statement.where(ImageClassRow.confidence >= wanted.confidence_min)
    elif wanted.confidence_min is not None:
        statement = statement.where(
            exists().where(ImageClassRow.image_id == ImageRow.id, ImageClassRow.confidence >= wanted.confidence_min)
        )
    if wanted.analysis_state == NONE:
        statement = statement.where(~exists().where(AnalysisRow.image_id == ImageRow.id))
    elif wanted.analysis_state is not None:
        statement = statement.where(_newest_state() == wanted.analysis_state)
    return statement


def _newest_state() -> ColumnElement[str]:
    return (
        select(AnalysisRow.state)
        .where(AnalysisRow.image_id == ImageRow.id)
        .order_by(AnalysisRow.created_at.desc(), AnalysisRow.id.desc())
        .limit(1)
        .scalar_subquery()
    )


async def list_findings(scope: Scope, tx: Transaction, image_ids: Sequence[UUID]) -> dict[UUID, Findings]:
    """List what is known of each of these images, in four statements however many they are."""
    found = {image_id: Findings() for image_id in image_ids}
    states = (
        select(AnalysisRow.image_id, AnalysisRow.state)
        .where(AnalysisRow.image_id.in_(image_ids))
        .ext(distinct_on(AnalysisRow.image_id))
        .order_by(AnalysisRow.image_id, AnalysisRow.created_at.desc(), AnalysisRow.id.desc())
    )
    for image_id, state in (await tx.session.execute(states)).all():
        found[image_id].state = state
    classes = (
        select(ImageClassRow.image_id, ImageClassRow.class_name)
        .where(ImageClassRow.image_id.in_(image_ids))
        .order_by(ImageClassRow.image_id, ImageClassRow.confidence.desc(), ImageClassRow.class_name)
    )
    for image_id, name in (await tx.session.execute(classes)).all():
        found[image_id].classes.append(name)
    for image_id, boxes in (await _list_boxes(tx, image_ids)).items():
        found[image_id].boxes = boxes
    return found


async def _list_boxes(tx: Transaction, image_ids: Sequence[UUID]) -> dict[UUID, list[AnnotationRow]]:
    newest = (
        select(AnalysisRow.id)
        .where(AnalysisRow.image_id.in_(image_ids), AnalysisRow.state == "completed")
        .ext(distinct_on(AnalysisRow.image_id))
        .order_by(AnalysisRow.image_id, AnalysisRow.created_at.desc(), AnalysisRow.id.desc())
        .subquery()
    )
    surest = (
        select(AnnotationRow)
        .where(AnnotationRow.analysis_id == newest.c.id, AnnotationRow.annotation_type == "bounding_box")
        .order_by(AnnotationRow.confidence.desc().nulls_last(), AnnotationRow.id)
        .limit(MAX_BOXES)
        .lateral()
    )
    box = aliased(AnnotationRow, surest)
    statement = (
        select(box)
        .select_from(newest)
        .join(surest, true())
        .order_by(box.image_id, box.confidence.desc().nulls_last(), box.id)
    )
    boxes: dict[UUID, list[AnnotationRow]] = {}
    for found in (await tx.session.scalars(statement)).all():
        boxes.setdefault(found.image_id, []).append(found)
    return boxes


async def has_newer_result(scope: Scope, tx: Transaction, analysis: AnalysisRow) -> bool:
    """Tell whether an analysis of the same image that was made later is completed: its boxes are the ones shown."""
    scope.check(analysis.project_id)
    made = tuple_(AnalysisRow.created_at, AnalysisRow.id)
    newer = exists().where(
        AnalysisRow.image_id == analysis.image_id,
        AnalysisRow.state == "completed",
        made > tuple_(analysis.created_at, analysis.id),
    )
    return bool((await tx.session.execute(select(newer))).scalar_one())


async def list_deployment_names(scope: Scope, tx: Transaction, ids: Sequence[UUID]) -> dict[UUID, str]:
    """List the names of deployments."""
    statement = select(DeploymentRow.id, DeploymentRow.name).where(DeploymentRow.id.in_(set(ids)))
    return {key: name for key, name in (await tx.session.execute(statement)).all()}


async def list_analyses(scope: Scope, tx: Transaction, image: ImageRow) -> list[AnalysisRow]:
    """List an image's analyses, newest first, at most MAX_ANALYSES."""
    scope.check(image.project_id)
    statement = (
        select(AnalysisRow)
        .where(AnalysisRow.image_id == image.id)
        .order_by(AnalysisRow.created_at.desc(), AnalysisRow.id.desc())
        .limit(MAX_ANALYSES)
    )
    return list((await tx.session.scalars(statement)).all())
