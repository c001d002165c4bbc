"""Filters of images, and the findings that lists and viewers of images show."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Date, Select, cast, exists, func, select, text, true, tuple_
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import InstrumentedAttribute, aliased

from trapline.server.catalogue.rules.filters import ImageFilter
from trapline.server.findings.queries.analyses import AnalysisRow
from trapline.server.findings.queries.annotations import AnnotationRow
from trapline.server.findings.queries.current_findings import list_shown_analyses
from trapline.server.findings.rules.packed_data import unpack_data
from trapline.server.images.queries.deployments import DeploymentRow
from trapline.server.images.queries.images import (
    WITHOUT_CAMERA_TIME,
    ImageClassRow,
    ImageRow,
    ImageTagRow,
)
from trapline.server.images.rules.image_flags import TRUNCATED
from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.review.queries.taxon_labels import build_taxon_condition

MAX_BOXES = 50
MAX_ANALYSES = 50
NONE = "none"
ZONES = timedelta(hours=15)
"""No time zone is further from UTC."""


class BoxSummary(NamedTuple):
    """A box with its class and its corners in pixels of the upright image (`data`)."""

    id: UUID
    class_name: str | None
    confidence: float | None
    data: dict[str, Any]


@dataclass
class ImageFindings:
    """The state of the newest analysis of an image, its classes, and the boxes shown on it."""

    state: str | None = None
    classes: list[str] = field(default_factory=list)
    boxes: list[BoxSummary] = field(default_factory=list)


def filter_images(statement: Select[ImageRow], wanted: ImageFilter) -> Select[ImageRow]:
    """Add the conditions of a filter to a statement of images."""
    if wanted.deployment_id is not None:
        statement = statement.where(ImageRow.deployment_id == wanted.deployment_id)
    if wanted.job_id is not None:
        statement = statement.where(
            exists().where(AnalysisRow.image_id == ImageRow.id, AnalysisRow.job_id == wanted.job_id)
        )
    statement = _filter_times(statement, wanted)
    if wanted.class_name is not None:
        statement = statement.join(ImageClassRow, ImageClassRow.image_id == ImageRow.id).where(
            ImageClassRow.project_id == ImageRow.project_id,
            ImageClassRow.class_name == wanted.class_name,
        )
        if wanted.confidence_min is not None:
            statement = statement.where(ImageClassRow.confidence >= wanted.confidence_min)
    elif wanted.confidence_min is not None:
        statement = statement.where(
            exists().where(
                ImageClassRow.image_id == ImageRow.id,
                ImageClassRow.confidence >= wanted.confidence_min,
            )
        )
    if wanted.taxon_id is not None:
        statement = statement.where(build_taxon_condition(wanted.taxon_id))
    statement = _filter_marks(statement, wanted)
    if wanted.analysis_state is not None:
        statement = _filter_state(statement, wanted.analysis_state)
    return statement


def select_counted(
    scope: Scope, project_id: int | None, wanted: ImageFilter, statement: Select[ImageRow]
) -> Select[Any]:
    """Select as many rows as a filtered statement of images has, for a count.

    For filters by class and time, the rows of the class are counted by their index, without deleted
    images, which are few. A join with each image took a quarter of the time of a page.
    """
    of_class = ImageFilter(
        class_name=wanted.class_name,
        confidence_min=wanted.confidence_min,
        captured_after=wanted.captured_after,
        captured_before=wanted.captured_before,
    )
    if project_id is None or wanted.class_name is None or wanted != of_class:
        return statement
    scope.check(project_id)
    is_deleted = exists().where(
        ImageRow.id == ImageClassRow.image_id,
        ImageRow.project_id == project_id,
        ImageRow.deleted_at.is_not(None),
    )
    counted = select(ImageClassRow.image_id).where(
        ImageClassRow.project_id == project_id,
        ImageClassRow.class_name == wanted.class_name,
        ~is_deleted,
    )
    if wanted.confidence_min is not None:
        counted = counted.where(ImageClassRow.confidence >= wanted.confidence_min)
    return _filter_times(counted, wanted)


def get_capture_time_column(wanted: ImageFilter) -> InstrumentedAttribute[datetime]:
    """Return the column of the capture time for a filter.

    With a class, it is the copy in the rows of the class, whose index has the time. With the column
    of images, a rare class would be searched for in every image.
    """
    return ImageRow.captured_at if wanted.class_name is None else ImageClassRow.captured_at


def build_local_day(captured: InstrumentedAttribute[datetime]) -> ColumnElement[date]:
    """Build the expression of the local day on which an image was taken."""
    return cast(func.timezone(ImageRow.time_zone, captured), Date)


async def count_by_day(
    tx: Transaction, statement: Select[ImageRow], wanted: ImageFilter, most: int | None
) -> list[tuple[date, int]] | None:
    """Count the images of a statement by day, latest first; None if more than `most` match."""
    day = build_local_day(get_capture_time_column(wanted)).label("day")
    few = statement.with_only_columns(day).limit(None if most is None else most + 1).subquery()
    counted = select(few.c.day, func.count()).group_by(few.c.day).order_by(few.c.day.desc())
    found = [(one, count) for one, count in (await tx.session.execute(counted)).all()]
    return found if most is None or sum(count for _, count in found) <= most else None


def _filter_times(statement: Select[Any], wanted: ImageFilter) -> Select[Any]:
    captured = get_capture_time_column(wanted)
    if wanted.captured_after is not None:
        statement = statement.where(captured >= wanted.captured_after)
    if wanted.captured_before is not None:
        statement = statement.where(captured < wanted.captured_before)
    # The bounds that are valid in every zone can use the index.
    if wanted.day_after is not None:
        statement = statement.where(
            captured >= _midnight(wanted.day_after) - ZONES,
            build_local_day(captured) >= wanted.day_after,
        )
    if wanted.day_before is not None:
        statement = statement.where(
            captured < _midnight(wanted.day_before) + ZONES,
            build_local_day(captured) < wanted.day_before,
        )
    return statement


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _filter_state(statement: Select[ImageRow], state: str) -> Select[ImageRow]:
    if state == NONE:
        # `blank` is set for images with a result, so only the others must be checked.
        return statement.where(
            ImageRow.blank.is_(None),
            ~exists().where(AnalysisRow.image_id == ImageRow.id, ~AnalysisRow.simulated),
        )
    newer = aliased(AnalysisRow)
    made = tuple_(AnalysisRow.created_at, AnalysisRow.id)
    is_newest = ~exists().where(
        newer.image_id == AnalysisRow.image_id,
        ~newer.simulated,
        tuple_(newer.created_at, newer.id) > made,
    )
    of_image = (AnalysisRow.image_id == ImageRow.id, ~AnalysisRow.simulated)
    return statement.where(exists().where(*of_image, AnalysisRow.state == state, is_newest))


def _filter_marks(statement: Select[ImageRow], wanted: ImageFilter) -> Select[ImageRow]:
    if wanted.sequence_id is not None:
        statement = statement.where(ImageRow.sequence_id == wanted.sequence_id)
    if wanted.blank is not None:
        statement = statement.where(ImageRow.blank == wanted.blank)
    if wanted.reviewed is not None:
        statement = statement.where(ImageRow.reviewed if wanted.reviewed else ~ImageRow.reviewed)
    if wanted.starred is not None:
        # In this form the partial index of images with a star is used.
        statement = statement.where(ImageRow.starred if wanted.starred else ~ImageRow.starred)
    if wanted.camera_time is not None:
        statement = statement.where(
            text(f"{'not ' if wanted.camera_time else ''}({WITHOUT_CAMERA_TIME})")
        )
    if wanted.truncated is not None:
        is_truncated = ImageRow.flags.contains([TRUNCATED])
        statement = statement.where(is_truncated if wanted.truncated else ~is_truncated)
    if wanted.tag is not None:
        statement = statement.where(
            exists().where(
                ImageTagRow.project_id == ImageRow.project_id,
                ImageTagRow.tag == wanted.tag,
                ImageTagRow.image_id == ImageRow.id,
            )
        )
    return statement


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
    classes = (
        select(ImageClassRow.image_id, ImageClassRow.class_name)
        .where(ImageClassRow.image_id.in_(image_ids))
        .order_by(ImageClassRow.image_id, ImageClassRow.confidence.desc(), ImageClassRow.class_name)
    )
    for image_id, name in (await tx.session.execute(classes)).all():
        found[image_id].classes.append(name)
    for image_id, boxes in (await _list_boxes(scope, tx, image_ids)).items():
        found[image_id].boxes = boxes
    return found


async def _list_boxes(
    scope: Scope, tx: Transaction, image_ids: Sequence[UUID]
) -> dict[UUID, list[BoxSummary]]:
    # Columns instead of mapped rows, which took most of the time of a page with hundreds of boxes.
    shown = await list_shown_analyses(scope, tx, image_ids)
    analyses = select(AnalysisRow.id).where(AnalysisRow.id.in_(shown.values())).subquery()
    surest = (
        select(
            AnnotationRow.image_id,
            AnnotationRow.id,
            AnnotationRow.class_name,
            AnnotationRow.confidence.label("confidence"),
            AnnotationRow.stored_data,
            AnnotationRow.algorithm_id,
        )
        .where(
            AnnotationRow.analysis_id == analyses.c.id,
            AnnotationRow.annotation_type == "bounding_box",
        )
        .order_by(AnnotationRow.confidence.desc().nulls_last(), AnnotationRow.id)
        .limit(MAX_BOXES)
        .lateral()
    )
    box = surest.c
    statement = (
        select(*box)
        .select_from(analyses)
        .join(surest, true())
        .order_by(box.image_id, box.confidence.desc().nulls_last(), box.id)
    )
    boxes: dict[UUID, list[BoxSummary]] = {}
    for image_id, key, name, confidence, stored, algorithm_id in (
        await tx.session.execute(statement)
    ).all():
        data = unpack_data(stored, name, algorithm_id)
        boxes.setdefault(image_id, []).append(BoxSummary(key, name, confidence, data))
    return boxes


async def list_deployment_names(
    scope: Scope, tx: Transaction, ids: Sequence[UUID]
) -> dict[UUID, str]:
    """List the names of deployments."""
    statement = select(DeploymentRow.id, DeploymentRow.name).where(DeploymentRow.id.in_(set(ids)))
    return {key: name for key, name in (await tx.session.execute(statement)).all()}


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
