"""Filters of images by the answers of models and people, and counts of pairs of answers."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, exists, false, func, select

from trapline.server.catalogue.rules.filters import ImageFilter, PairFilter
from trapline.server.images.queries.images import ImageRow
from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.errors import Unprocessable
from trapline.server.review.queries.answer_pairs import AnswerPairRow, find_compared_pair
from trapline.wire.image_filters import ComparisonState, DisagreementFilter

Listed = TypeVar("Listed")


async def resolve_pair(
    scope: Scope, tx: Transaction, project_id: int | None, wanted: PairFilter
) -> PairFilter:
    """Look up the pair of two sources; the conditions are then in its order.

    Raises Unprocessable: no project is given.
    """
    if project_id is None:
        raise Unprocessable("`source_a` and `source_b` require `project`.")
    found = await find_compared_pair(scope, tx, project_id, wanted.source_a, wanted.source_b)
    if found is None:
        return wanted
    pair, is_swapped = found
    if not is_swapped:
        return replace(wanted, pair_id=pair.id)
    return PairFilter(
        wanted.source_b,
        wanted.source_a,
        wanted.answer_b,
        wanted.answer_a,
        wanted.comparison,
        pair.id,
    )


def filter_answers(statement: Select[Listed], wanted: ImageFilter) -> Select[Listed]:
    """Narrow a statement of images by the answers of models and people."""
    if wanted.disagreement is not None:
        statement = statement.where(has_open_pair(wanted.sets, wanted.disagreement))
    if wanted.pair is None:
        return statement
    if wanted.pair.pair_id is None:
        return statement.where(false())
    conditions = _list_conditions(wanted.pair, wanted.sets)
    return statement.where(exists().where(AnswerPairRow.image_id == ImageRow.id, *conditions))


def has_open_pair(sets: Sequence[int], kind: DisagreementFilter) -> ColumnElement[bool]:
    """Whether an image has an open disagreement of a kind."""
    row = AnswerPairRow
    conditions = [row.image_id == ImageRow.id, row.set_id.in_(sets), row.is_open]
    if kind is not DisagreementFilter.ANY:
        conditions.append(row.kind == kind.value)
    return exists().where(*conditions)


def _list_conditions(wanted: PairFilter, sets: Sequence[int]) -> list[ColumnElement[bool]]:
    row = AnswerPairRow
    conditions: list[Any] = [
        row.set_id.in_(sets),
        row.pair_id == wanted.pair_id,
    ]
    if wanted.answer_a is not None:
        conditions.append(row.first_answer == wanted.answer_a)
    if wanted.answer_b is not None:
        conditions.append(row.second_answer == wanted.answer_b)
    match wanted.comparison:
        case ComparisonState.AGREE:
            conditions.append(~row.differs)
        case ComparisonState.DIFFER:
            conditions.append(row.differs)
        case ComparisonState.OPEN:
            conditions.append(row.is_open)
    return conditions


async def count_cells(
    tx: Transaction, images: Select[ImageRow] | None, wanted: PairFilter, sets: Sequence[int]
) -> list[tuple[str, str, int, int, int]]:
    """Count images, differences and open ones by both answers, the most frequent first.

    `images` are those that count; None for all images that are not deleted.
    """
    row = AnswerPairRow
    if wanted.pair_id is None:
        return []
    counted = select(
        row.first_answer,
        row.second_answer,
        func.count(),
        func.count().filter(row.differs),
        func.count().filter(row.is_open),
    ).where(*_list_conditions(wanted, sets))
    if images is None:
        # Most images are not deleted: to look at each took most of the time.
        counted = counted.where(
            ~exists().where(
                ImageRow.id == row.image_id,
                ImageRow.project_id == row.project_id,
                ImageRow.deleted_at.is_not(None),
            )
        )
    else:
        listed = images.with_only_columns(ImageRow.id).subquery()
        counted = counted.join(listed, listed.c.id == row.image_id)
    grouped = counted.group_by(row.first_answer, row.second_answer).order_by(
        func.count().desc(), row.first_answer, row.second_answer
    )
    found = (await tx.session.execute(grouped)).all()
    return [(one, other, images, differ, is_open) for one, other, images, differ, is_open in found]
