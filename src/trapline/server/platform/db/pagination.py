"""Fetch pages of ordered statements by cursor, and count rows up to a limit."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, func, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.cursors import decode_cursor, encode_cursor

EXACT_UP_TO = 10_000
Found = TypeVar("Found")
OrderColumn = InstrumentedAttribute[Any]


def filter_by(
    statement: Select[Found], wanted: Iterable[tuple[ColumnElement[Any] | OrderColumn, Any]]
) -> Select[Found]:
    """Filter a statement by the values of columns; None does not filter."""
    return statement.where(*[column == value for column, value in wanted if value is not None])


async def fetch_page(
    tx: Transaction,
    statement: Select[Found],
    order: Sequence[tuple[OrderColumn, type]],
    *,
    descending: bool,
    limit: int,
    cursor: str | None,
) -> tuple[list[Found], str | None]:
    """Fetch one page of rows, and the cursor of the next page, None for the last page.

    The rows are ordered by these columns, all ascending or all `descending`.
    """
    columns = [column for column, _ in order]
    if cursor is not None:
        key = tuple_(*columns)
        last = tuple_(*decode_cursor(cursor, [kind for _, kind in order]))
        statement = statement.where(key < last if descending else key > last)
    ordered = statement.order_by(
        *[column.desc() if descending else column.asc() for column in columns]
    )
    rows = list((await tx.session.scalars(ordered.limit(limit + 1))).all())
    if len(rows) <= limit:
        return rows, None
    page = rows[:limit]
    return page, encode_cursor([getattr(page[-1], column.key) for column in columns])


async def count_rows(
    tx: Transaction,
    statement: Select[Any],
    up_to: int = EXACT_UP_TO,
    *,
    known: tuple[int, bool] | None = None,
) -> tuple[int, bool]:
    """Count the rows of a statement up to a number, and return whether there are more.

    `known` is the number of rows that were read already, and whether these are all.
    """
    if known is not None and (known[1] or known[0] > up_to):
        return min(known[0], up_to), known[0] > up_to
    few = statement.order_by(None).limit(up_to + 1).subquery()
    count = (await tx.session.execute(select(func.count()).select_from(few))).scalar_one()
    return min(count, up_to), count > up_to
