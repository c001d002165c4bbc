"""What analyses found: their annotations in order, with the algorithm that said each."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import REAL, ColumnElement, Select, and_, cast, func, or_, select, true

from trapline.server.db.analyses import AnalysisDetailRow, AnalysisRow
from trapline.server.db.annotations import AnnotationRow
from trapline.server.db.base import Transaction
from trapline.server.db.pages import read_cursor, write_cursor
from trapline.server.db.pipelines import AlgorithmRow
from trapline.server.rules.access import Scope

FIRST_PAGE = 1000
UNORDERED = 2**31
"""Where an annotation without an ordering comes: behind all that have one."""

Found = tuple[AnnotationRow, str | None]
"""An annotation, and the key of the algorithm that said it."""


@dataclass(frozen=True)
class AnnotationFilter:
    """Which of an analysis's annotations; None takes all."""

    annotation_type: str | None = None
    class_name: str | None = None
    confidence_min: float | None = None


@dataclass
class FoundByAnalysis:
    """An analysis with its details, how many annotations it has, the first of them, and the cursor of the rest."""

    row: AnalysisRow
    detail: AnalysisDetailRow | None
    count: int = 0
    annotations: list[Found] = field(default_factory=list)
    next: str | None = None


def select_annotations(analysis: AnalysisRow, wanted: AnnotationFilter) -> Select[AnnotationRow]:
    """Select the annotations of an analysis."""
    statement = select(AnnotationRow).where(AnnotationRow.analysis_id == analysis.id)
    if wanted.annotation_type is not None:
        statement = statement.where(AnnotationRow.annotation_type == wanted.annotation_type)
    if wanted.class_name is not None:
        statement = statement.where(AnnotationRow.class_name == wanted.class_name)
    if wanted.confidence_min is not None:
        # In the precision that is kept: 0.9 as it is kept is a little less than 0.9.
        statement = statement.where(AnnotationRow.confidence >= cast(wanted.confidence_min, REAL))
    return statement


async def list_annotations(
    scope: Scope, tx: Transaction, analysis: AnalysisRow, wanted: AnnotationFilter, limit: int, cursor: str | None
) -> tuple[list[Found], str | None]:
    """List a page of annotations by ordering, then as they were posted; answers the cursor of the next page.

    Raises Invalid for a cursor of another list.
    """
    scope.check(analysis.project_id)
    statement = (
        select_annotations(analysis, wanted)
        .outerjoin(AlgorithmRow, AlgorithmRow.id == AnnotationRow.algorithm_id)
        .add_columns(AlgorithmRow.key)
        .where(true() if cursor is None else _behind(*read_cursor(cursor, [int, UUID])))
        .order_by(AnnotationRow.ordering, AnnotationRow.id)
        .limit(limit + 1)
    )
    rows = [(annotation, key) for annotation, key in (await tx.session.execute(statement)).all()]
    if len(rows) <= limit:
        return rows, None
    page = rows[:limit]
    return page, _cursor_of(page[-1][0])


def _behind(ordering: int, key: UUID) -> ColumnElement[bool]:
    if ordering == UNORDERED:
        return and_(AnnotationRow.ordering.is_(None), AnnotationRow.id > key)
    ordered = AnnotationRow.ordering
    return or_(ordered.is_(None), ordered > ordering, and_(ordered == ordering, AnnotationRow.id > key))


def _cursor_of(row: AnnotationRow) -> str:
    return write_cursor([UNORDERED if row.ordering is None else row.ordering, row.id])


async def find_found(scope: Scope, tx: Transaction, rows: Sequence[AnalysisRow]) -> list[FoundByAnalysis]:
    """Find for each of these analyses its details and the first of its annotations, in three statements."""
    for row in rows:
        scope.check(row.project_id)
    ids = [row.id for row in rows]
    details = {
        detail.analysis_id: detail
        for detail in await tx.session.scalars(select(AnalysisDetailRow).where(AnalysisDetailRow.analysis_id.in_(ids)))
    }
    found = {row.id: FoundByAnalysis(row, details.get(row.id)) for row in rows}
    counted = (
        select(AnnotationRow.analysis_id, func.count())
        .where(AnnotationRow.analysis_id.in_(ids))
        .group_by(AnnotationRow.analysis_id)
    )
    for analysis_id, count in (await tx.session.execute(counted)).all():
        found[analysis_id].count = count
    place = func.row_number().over(
        partition_by=AnnotationRow.analysis_id, order_by=(AnnotationRow.ordering, AnnotationRow.id)
    )
    ranked = select(AnnotationRow.id, place.label("place")).where(AnnotationRow.analysis_id.in_(ids)).subquery()
    first = (
        select(AnnotationRow, AlgorithmRow.key)
        .join(ranked, ranked.c.id == AnnotationRow.id)
        .outerjoin(AlgorithmRow, AlgorithmRow.id == AnnotationRow.algorithm_id)
        .where(ranked.c.place <= FIRST_PAGE)
        .order_by(AnnotationRow.analysis_id, AnnotationRow.ordering, AnnotationRow.id)
    )
    for annotation, key in (await tx.session.execute(first)).all():
        found[annotation.analysis_id].annotations.append((annotation, key))
    for one in found.values():
        if one.count > len(one.annotations):
            one.next = _cursor_of(one.annotations[-1][0])
    return list(found.values())
