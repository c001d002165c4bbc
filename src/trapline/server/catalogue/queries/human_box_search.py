"""Search of the boxes that people drew over many images, by capture time."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, tuple_

from trapline.server.catalogue.rules.filters import AnnotationSearchFilter
from trapline.server.images.queries.images import ImageRow, select_images
from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.cursors import decode_cursor
from trapline.server.platform.db.pagination import EXACT_UP_TO
from trapline.server.review.queries.human_boxes import HumanBoxRow
from trapline.server.review.queries.taxa import TaxonRow
from trapline.wire.annotations import AnnotationType

OF_TYPE: Mapping[str, ColumnElement[bool]] = {
    AnnotationType.BOUNDING_BOX: and_(
        HumanBoxRow.polygon.is_(None), HumanBoxRow.x_min < HumanBoxRow.x_max
    ),
    AnnotationType.KEYPOINT: HumanBoxRow.x_min == HumanBoxRow.x_max,
    AnnotationType.SEGMENTATION: HumanBoxRow.polygon.is_not(None),
}
"""The boxes, points and polygons of people by the type of their annotation."""


class HumanBoxMatch(NamedTuple):
    """A box that a person drew, with its image."""

    box: HumanBoxRow
    image: ImageRow


def can_match_human_boxes(wanted: AnnotationSearchFilter) -> bool:
    """Whether a filter can match boxes of people, which have no model, job and confidence."""
    of_models = (
        wanted.confidence_min,
        wanted.confidence_max,
        wanted.model,
        wanted.model_version,
        wanted.algorithm,
        wanted.job_id,
    )
    is_type = wanted.annotation_type is None or wanted.annotation_type in OF_TYPE
    is_human = wanted.human is not False and wanted.reviewed is not False
    return is_type and is_human and all(one is None for one in of_models)


def _select(
    scope: Scope, project_id: int | None, wanted: AnnotationSearchFilter
) -> Select[ImageRow]:
    conditions: list[ColumnElement[bool]] = [HumanBoxRow.withdrawn_at.is_(None)]
    equal = (
        (ImageRow.deployment_id, wanted.deployment_id),
        (ImageRow.id, wanted.image_id),
        (HumanBoxRow.label, wanted.class_name),
    )
    conditions += [column == value for column, value in equal if value is not None]
    if wanted.annotation_type is not None:
        conditions.append(OF_TYPE[wanted.annotation_type])
    if wanted.taxon_id is not None:
        names = select(TaxonRow.id).where(
            or_(TaxonRow.id == wanted.taxon_id, TaxonRow.accepted_id == wanted.taxon_id)
        )
        conditions.append(HumanBoxRow.taxon_id.in_(names))
    if wanted.captured_after is not None:
        conditions.append(ImageRow.captured_at >= wanted.captured_after)
    if wanted.captured_before is not None:
        conditions.append(ImageRow.captured_at < wanted.captured_before)
    joined = select_images(scope, project_id).join(HumanBoxRow, HumanBoxRow.image_id == ImageRow.id)
    return joined.where(*conditions)


async def list_human_box_matches(
    scope: Scope,
    tx: Transaction,
    project_id: int | None,
    wanted: AnnotationSearchFilter,
    *,
    descending: bool,
    limit: int,
    cursor: str | None,
) -> list[HumanBoxMatch]:
    """List boxes after a cursor of the list of annotations, at most `limit`.

    Raises InvalidRequest for a cursor of another list.
    """
    place = (ImageRow.captured_at, ImageRow.id, HumanBoxRow.id)
    statement = _select(scope, project_id, wanted)
    if cursor is not None:
        last = tuple_(*decode_cursor(cursor, [datetime, UUID, UUID]))
        statement = statement.where(tuple_(*place) < last if descending else tuple_(*place) > last)
    ordered = statement.order_by(
        *[column.desc() if descending else column.asc() for column in place]
    )
    chosen = ordered.with_only_columns(HumanBoxRow, ImageRow).limit(limit)
    return [HumanBoxMatch(*row) for row in (await tx.session.execute(chosen)).all()]


async def count_human_box_matches(
    scope: Scope, tx: Transaction, project_id: int | None, wanted: AnnotationSearchFilter
) -> int:
    """Count matches up to one more than EXACT_UP_TO."""
    few = _select(scope, project_id, wanted).with_only_columns(HumanBoxRow.id)
    counted = select(func.count()).select_from(few.limit(EXACT_UP_TO + 1).subquery())
    return int((await tx.session.execute(counted)).scalar_one())
