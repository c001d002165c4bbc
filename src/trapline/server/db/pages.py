"""Pages of lists: opaque cursors over an ordered statement, and honest counts."""

import base64
import binascii
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Select, func, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from trapline.server.db.base import Transaction
from trapline.server.errors import Invalid
from trapline.wire.values import within_calendar, without_nul

EXACT_UP_TO = 10_000
FOREIGN = "This cursor is not one of this list. Begin again without `cursor`."
Found = TypeVar("Found")
OrderColumn = InstrumentedAttribute[Any]


def write_cursor(values: Sequence[object]) -> str:
    """Write the key of the last row as an opaque text."""
    plain = [value.isoformat() if isinstance(value, datetime) else value for value in values]
    return base64.urlsafe_b64encode(json.dumps(plain, default=str).encode()).decode().rstrip("=")


def read_cursor(cursor: str, kinds: Sequence[type]) -> list[Any]:
    """Read a cursor back into values of these kinds; raises Invalid for anything that was not ours."""
    try:
        plain = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(plain, list) or len(plain) != len(kinds):
            raise ValueError("another list's cursor")
        return [_read_value(value, kind) for value, kind in zip(plain, kinds, strict=True)]
    except (ValueError, TypeError, binascii.Error, RecursionError) as error:
        raise Invalid(FOREIGN) from error


def _read_value(value: object, kind: type) -> object:
    if kind is datetime:
        moment = datetime.fromisoformat(str(value))
        if moment.tzinfo is None:
            raise ValueError("a time without a zone")
        return within_calendar(moment)
    if kind is UUID:
        return UUID(str(value))
    if kind is int:
        if isinstance(value, bool) or not isinstance(value, int) or not -(2**63) <= value < 2**63:
            raise ValueError("not a number of ours")
        return value
    return without_nul(str(value))


async def fetch_page(
    tx: Transaction,
    statement: Select[Found],
    order: Sequence[tuple[OrderColumn, type]],
    *,
    descending: bool,
    limit: int,
    cursor: str | None,
) -> tuple[list[Found], str | None]:
    """Fetch one page of whole rows in the order of these columns (all one way); answers the cursor that follows."""
    columns = [column for column, _ in order]
    if cursor is not None:
        key = tuple_(*columns)
        last = tuple_(*read_cursor(cursor, [kind for _, kind in order]))
        statement = statement.where(key < last if descending else key > last)
    ordered = statement.order_by(*[column.desc() if descending else column.asc() for column in columns])
    rows = list((await tx.session.scalars(ordered.limit(limit + 1))).all())
    if len(rows) <= limit:
        return rows, None
    page = rows[:limit]
    return page, write_cursor([getattr(page[-1], column.key) for column in columns])


async def count_rows(tx: Transaction, statement: Select[Any]) -> tuple[int, bool]:
    """Count what a statement would answer: exactly up to 10,000, beyond that (10,000, an estimate)."""
    few = statement.order_by(None).limit(EXACT_UP_TO + 1).subquery()
    count = (await tx.session.execute(select(func.count()).select_from(few))).scalar_one()
    return min(count, EXACT_UP_TO), count > EXACT_UP_TO
