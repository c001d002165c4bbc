"""What was found on many images: annotations of completed analyses, by the times of their images."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    and_,
    bindparam,
    func,
    not_,
    select,
    true,
    tuple_,
)

from trapline.server.catalogue.rules.filters import AnnotationSearchFilter
from trapline.server.findings.queries.algorithm_rows import AlgorithmRow
from trapline.server.findings.queries.analyses import AnalysisRow
from trapline.server.findings.queries.annotations import AnnotationRow
from trapline.server.images.queries.images import ImageClassRow, ImageRow, select_images
from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.cursors import decode_cursor, encode_cursor
from trapline.server.platform.db.pagination import EXACT_UP_TO
from trapline.server.review.queries.identifications import build_reviewed_condition
from trapline.server.review.queries.taxon_labels import (
    build_taxon_condition,
    select_labels_of_taxon,
)
from trapline.wire.annotations import AnnotationType

LOOKED_THROUGH = 100_000
"""So many annotations are looked at for a count, however few of them a filter takes."""
COMMON = (AnnotationType.BOUNDING_BOX, AnnotationType.CLASSIFICATION)
"""The types that no index knows: most annotations are of them."""


class AnnotationMatch(NamedTuple):
    """An annotation with its analysis, its image, and the key of the algorithm that said it."""

    annotation: AnnotationRow
    analysis: AnalysisRow
    image: ImageRow
    algorithm: str | None


def _select_near(
    scope: Scope, project_id: int | None, wanted: AnnotationSearchFilter
) -> Select[ImageRow]:
    """Select by what an index finds; from images on, because their index has the order of the list."""
    statement = (
        select_images(scope, project_id)
        .join(AnalysisRow, AnalysisRow.image_id == ImageRow.id)
        .join(AnnotationRow, AnnotationRow.analysis_id == AnalysisRow.id)
        .outerjoin(AlgorithmRow, AlgorithmRow.id == AnnotationRow.algorithm_id)
        .where(AnalysisRow.state == "completed", ~AnalysisRow.simulated)
    )
    equal = (
        (ImageRow.deployment_id, wanted.deployment_id),
        (ImageRow.id, wanted.image_id),
        (AnalysisRow.job_id, wanted.job_id),
    )
    statement = statement.where(*(column == value for column, value in equal if value is not None))
    if wanted.annotation_type is not None and wanted.annotation_type not in COMMON:
        # Said in the statement itself: of a parameter nobody knows that it is one of those that the
        # index is of.
        kind = bindparam(None, str(wanted.annotation_type), Text, literal_execute=True)
        statement = statement.where(
            AnnotationRow.annotation_type == kind, AnnotationRow.project_id == ImageRow.project_id
        )
    if wanted.class_name is not None:
        # Images that show it are known: a rare class is not looked for in every annotation.
        statement = statement.join(ImageClassRow, ImageClassRow.image_id == ImageRow.id).where(
            ImageClassRow.project_id == ImageRow.project_id,
            ImageClassRow.class_name == wanted.class_name,
        )
    if wanted.taxon_id is not None:
        statement = statement.where(build_taxon_condition(wanted.taxon_id))
    if wanted.captured_after is not None:
        statement = statement.where(ImageRow.captured_at >= wanted.captured_after)
    if wanted.captured_before is not None:
        statement = statement.where(ImageRow.captured_at < wanted.captured_before)
    if wanted.reviewed:
        statement = statement.where(ImageRow.reviewed)
    return statement


def _list_far(wanted: AnnotationSearchFilter) -> list[ColumnElement[bool]]:
    """List the conditions that no index knows: each annotation is looked at."""
    equal = (
        (
            AnnotationRow.annotation_type,
            wanted.annotation_type if wanted.annotation_type in COMMON else None,
        ),
        (AnnotationRow.class_name, wanted.class_name),
        (AnalysisRow.model_name, wanted.model),
        (AnalysisRow.model_version, wanted.model_version),
        (AlgorithmRow.key, wanted.algorithm),
    )
    far = [column == value for column, value in equal if value is not None]
    if wanted.taxon_id is not None:
        far.append(AnnotationRow.class_name.in_(select_labels_of_taxon(wanted.taxon_id)))
    if wanted.confidence_min is not None:
        far.append(AnnotationRow.confidence >= wanted.confidence_min)
    if wanted.confidence_max is not None:
        far.append(AnnotationRow.confidence <= wanted.confidence_max)
    if wanted.reviewed is not None:
        # Few images are reviewed of most projects: what was said is looked up only where there is
        # something.
        said = and_(ImageRow.reviewed, build_reviewed_condition())
        far.append(said if wanted.reviewed else not_(said))
    return far


async def list_annotation_matches(
    scope: Scope,
    tx: Transaction,
    project_id: int | None,
    wanted: AnnotationSearchFilter,
    *,
    descending: bool,
    limit: int,
    cursor: str | None,
) -> tuple[Sequence[AnnotationMatch], str | None]:
    """List a page of annotations; answers the cursor of the next one.

    Raises Invalid for a cursor of another list.
    """
    place = (ImageRow.captured_at, ImageRow.id, AnnotationRow.id)
    statement = _select_near(scope, project_id, wanted).where(*_list_far(wanted))
    if cursor is not None:
        last = tuple_(*decode_cursor(cursor, [datetime, UUID, UUID]))
        statement = statement.where(tuple_(*place) < last if descending else tuple_(*place) > last)
    ordered = statement.order_by(
        *[column.desc() if descending else column.asc() for column in place]
    )
    chosen = ordered.with_only_columns(
        AnnotationRow, AnalysisRow, ImageRow, AlgorithmRow.key
    ).limit(limit + 1)
    rows = [AnnotationMatch(*row) for row in (await tx.session.execute(chosen)).all()]
    if len(rows) <= limit:
        return rows, None
    behind = rows[limit - 1]
    return rows[:limit], encode_cursor(
        [behind.image.captured_at, behind.image.id, behind.annotation.id]
    )


async def count_annotation_matches(
    scope: Scope, tx: Transaction, project_id: int | None, wanted: AnnotationSearchFilter
) -> tuple[int, bool]:
    """Count them: exactly up to 10,000, beyond that (10,000, an estimate).

    Where very many annotations are to be looked at, it is an estimate, too: how many there are
    among some of them.
    """
    far = _list_far(wanted)
    most = LOOKED_THROUGH if far else EXACT_UP_TO
    near = _select_near(scope, project_id, wanted)
    taken = and_(true(), *far).label("taken")
    some = near.with_only_columns(AnnotationRow.id, taken).limit(most + 1).subquery()
    counted = select(func.count(), func.count().filter(some.c.taken)).select_from(some)
    looked_at, count = (await tx.session.execute(counted)).one()
    return min(count, EXACT_UP_TO), looked_at > most or count > EXACT_UP_TO
