"""Pages of the annotations of analyses, in order, each with its algorithm."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import Select, func, select, true, tuple_
from sqlalchemy.orm import aliased

from trapline.server.findings.queries.algorithm_rows import AlgorithmRow
from trapline.server.findings.queries.analyses import AnalysisDetailRow, AnalysisRow
from trapline.server.findings.queries.annotations import AnnotationRow
from trapline.server.findings.rules.filters import AnnotationFilter
from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.cursors import FOREIGN, decode_cursor, encode_cursor
from trapline.server.platform.errors import InvalidRequest

FIRST_PAGE = 1000
SHORT_PAGE = 100
"""Number of annotations of an analysis that a list of analyses contains."""

UNORDERED = 2**31
"""The ordering in cursors of annotations without one: they follow all others."""

Found = tuple[AnnotationRow, str | None]
"""An annotation and the key of its algorithm."""


@dataclass
class AnalysisAnnotations:
    """An analysis with its details, the number of its annotations and their first page.

    `next` is the cursor of the next page.
    """

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
        statement = statement.where(AnnotationRow.confidence >= wanted.confidence_min)
    return statement


async def list_annotation_rows(
    scope: Scope,
    tx: Transaction,
    analysis: AnalysisRow,
    wanted: AnnotationFilter,
    limit: int,
    cursor: str | None,
) -> tuple[list[Found], str | None]:
    """List a page of annotations by ordering and ID; also return the cursor of the next page.

    Raises InvalidRequest for a cursor of another list.
    """
    scope.check(analysis.project_id)
    rows: list[Found] = []
    # Each statement reads one range of the index. A single condition for both ranges would need a
    # sort for each page.
    for index_range in _split_ranges(select_annotations(analysis, wanted), cursor):
        statement = (
            index_range.outerjoin(AlgorithmRow, AlgorithmRow.id == AnnotationRow.algorithm_id)
            .add_columns(AlgorithmRow.key)
            .order_by(AnnotationRow.ordering, AnnotationRow.id)
            .limit(limit + 1 - len(rows))
        )
        rows += [
            (annotation, key) for annotation, key in (await tx.session.execute(statement)).all()
        ]
        if len(rows) > limit:
            page = rows[:limit]
            return page, _cursor_of(page[-1][0])
    return rows, None


def _split_ranges(
    statement: Select[AnnotationRow], cursor: str | None
) -> list[Select[AnnotationRow]]:
    """Select the rows after a cursor: first those with an ordering, then those without one."""
    if cursor is None:
        return [statement]
    ordering, key = _read_place(cursor)
    unordered = statement.where(AnnotationRow.ordering.is_(None))
    if ordering == UNORDERED:
        return [unordered.where(AnnotationRow.id > key)]
    return [
        statement.where(tuple_(AnnotationRow.ordering, AnnotationRow.id) > tuple_(ordering, key)),
        unordered,
    ]


def _read_place(cursor: str) -> tuple[int, UUID]:
    ordering, key = decode_cursor(cursor, [int, UUID])
    if not -(2**31) <= ordering <= UNORDERED:
        raise InvalidRequest(FOREIGN)
    return ordering, key


def _cursor_of(row: AnnotationRow) -> str:
    return encode_cursor([UNORDERED if row.ordering is None else row.ordering, row.id])


async def list_analysis_annotations(
    scope: Scope, tx: Transaction, rows: Sequence[AnalysisRow], longer: int | None = None
) -> list[AnalysisAnnotations]:
    """Return these analyses with their details, annotation counts and first annotations.

    Up to FIRST_PAGE annotations are returned for the first `longer` analyses (None: for all), and
    SHORT_PAGE for the others.
    """
    for row in rows:
        scope.check(row.project_id)
    ids = [row.id for row in rows]
    details = {
        detail.analysis_id: detail
        for detail in await tx.session.scalars(
            select(AnalysisDetailRow).where(AnalysisDetailRow.analysis_id.in_(ids))
        )
    }
    found = {row.id: AnalysisAnnotations(row, details.get(row.id)) for row in rows}
    # A subquery per analysis uses the index; a grouped query would scan the whole table.
    counted = (
        select(func.count())
        .select_from(AnnotationRow)
        .where(AnnotationRow.analysis_id == AnalysisRow.id)
    )
    counts = select(AnalysisRow.id, counted.scalar_subquery()).where(AnalysisRow.id.in_(ids))
    for analysis_id, count in (await tx.session.execute(counts)).all():
        found[analysis_id].count = count
    split = len(ids) if longer is None else longer
    for some, most in ((ids[:split], FIRST_PAGE), (ids[split:], SHORT_PAGE)):
        for annotation, key in await _list_first(tx, some, most):
            found[annotation.analysis_id].annotations.append((annotation, key))
    for one in found.values():
        if one.count > len(one.annotations):
            one.next = _cursor_of(one.annotations[-1][0])
    return list(found.values())


async def _list_first(tx: Transaction, ids: Sequence[UUID], most: int) -> list[Found]:
    if not ids:
        return []
    first = (
        select(AnnotationRow)
        .where(AnnotationRow.analysis_id == AnalysisRow.id)
        .order_by(AnnotationRow.ordering, AnnotationRow.id)
        .limit(most)
        .lateral()
    )
    annotation = aliased(AnnotationRow, first)
    statement = (
        select(annotation, AlgorithmRow.key)
        .select_from(AnalysisRow)
        .join(first, true())
        .outerjoin(AlgorithmRow, AlgorithmRow.id == annotation.algorithm_id)
        .where(AnalysisRow.id.in_(ids))
        .order_by(annotation.analysis_id, annotation.ordering, annotation.id)
    )
    return [(row, key) for row, key in (await tx.session.execute(statement)).all()]
