"""Orders of lists of images that are not those of capture times.

An order has one or several parts, one after the other: the images with a place in the order, and
then the others. Each part is read in the order of an index.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import md5
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Text, and_, cast, exists, func, tuple_
from sqlalchemy.orm import aliased

from trapline.server.catalogue.queries.answer_filters import has_open_pair
from trapline.server.catalogue.queries.image_filters import filter_images
from trapline.server.catalogue.rules.filters import ImageFilter, ListOrder
from trapline.server.images.queries.images import ImageRow, select_images
from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.cursors import FOREIGN, decode_cursor, encode_cursor
from trapline.server.platform.errors import InvalidRequest
from trapline.server.review.queries.observation_rows import ObservedClassRow
from trapline.wire.image_filters import DisagreementFilter
from trapline.wire.images import ImageOrder

DIGITS = 8
"""Length of the key of the random order: the first hexadecimal digits of the MD5 of the ID."""
DISAGREEMENTS = {
    ImageOrder.MODELS_DISAGREE: DisagreementFilter.MODELS,
    ImageOrder.PEOPLE_DISAGREE: DisagreementFilter.PEOPLE,
}
NEWEST: tuple[tuple[Any, type], ...] = ((ImageRow.captured_at, datetime), (ImageRow.id, UUID))


@dataclass(frozen=True)
class OrderPart:
    """The images of one part of an order, of the list and of the whole project, with their keys."""

    listed: Select[ImageRow]
    everything: Select[ImageRow]
    columns: Sequence[tuple[Any, type]]
    descending: bool = False

    @property
    def key(self) -> ColumnElement[Any]:
        """The key as a row value."""
        return tuple_(*[column for column, _ in self.columns])

    def sort(self, statement: Select[Any], *, backward: bool = False) -> Select[Any]:
        """Order a statement of this part."""
        falls = self.descending is not backward
        return statement.order_by(
            *[column.desc() if falls else column.asc() for column, _ in self.columns]
        )

    def follow(self, statement: Select[Any], key: Sequence[Any], *, backward: bool) -> Select[Any]:
        """Keep the images of this part after a key, or before it."""
        here = tuple_(*key)
        falls = self.descending is not backward
        return statement.where(self.key < here if falls else self.key > here)


def list_parts(
    scope: Scope, project_id: int | None, wanted: ImageFilter, order: ListOrder
) -> list[OrderPart]:
    """List the parts of the order of a list; each image of the list is in one of them."""
    everything = select_images(scope, project_id, deleted=wanted.deleted)
    listed = filter_images(everything, replace(wanted, is_by_time=False))

    def part(
        condition: ColumnElement[bool], columns: Sequence[tuple[Any, type]], **more: Any
    ) -> OrderPart:
        return OrderPart(listed.where(condition), everything.where(condition), columns, **more)

    if order.order is ImageOrder.RANDOM:
        key = func.left(func.md5(cast(ImageRow.id, Text)), DIGITS, type_=Text())
        columns = ((key, str), (ImageRow.id, UUID))
        # The images are in one random order, as in a circle: the seed chooses where it begins.
        start = md5(str(order.seed).encode(), usedforsecurity=False).hexdigest()[:DIGITS]
        return [part(key >= start, columns), part(key < start, columns)]
    if order.order in DISAGREEMENTS:
        is_open = has_open_pair(wanted.sets, DISAGREEMENTS[order.order])
        return [part(one, NEWEST, descending=True) for one in (is_open, ~is_open)]
    row = aliased(ObservedClassRow)
    least = and_(row.image_id == ImageRow.id, _is_least(row, wanted.sets))
    certain = OrderPart(
        listed.join(row, least),
        everything.join(row, least),
        ((row.confidence, float), (row.image_id, UUID)),
    )
    uncertain = exists().where(row.image_id == ImageRow.id, _is_uncertain(row, wanted.sets))
    return [certain, part(~uncertain, NEWEST, descending=True)]


def _is_uncertain(row: Any, sets: Sequence[int]) -> ColumnElement[bool]:
    """Whether models named a row of the class index with a confidence."""
    return and_(row.set_id.in_(sets), ~row.human, row.confidence > 0)


def _is_least(row: Any, sets: Sequence[int]) -> ColumnElement[bool]:
    """Whether a row of the class index is that with the lowest confidence of its image."""
    other = aliased(ObservedClassRow)
    lower = exists().where(
        other.image_id == row.image_id,
        _is_uncertain(other, sets),
        tuple_(other.confidence, other.class_name) < tuple_(row.confidence, row.class_name),
    )
    return and_(_is_uncertain(row, sets), ~lower)


async def fetch_ordered_page(
    tx: Transaction, parts: Sequence[OrderPart], limit: int, cursor: str | None
) -> tuple[list[ImageRow], str | None]:
    """Fetch one page of images, and the cursor of the next page, None for the last page.

    Raises InvalidRequest: the cursor belongs to another list.
    """
    first, key = _decode(parts, cursor)
    found: list[tuple[ImageRow, int, list[Any]]] = []
    for number in range(first, len(parts)):
        part = parts[number]
        statement = part.sort(part.listed.add_columns(*[column for column, _ in part.columns]))
        if key is not None and number == first:
            statement = part.follow(statement, key, backward=False)
        rows = (await tx.session.execute(statement.limit(limit + 1 - len(found)))).all()
        found += [(row[0], number, list(row[1:])) for row in rows]
        if len(found) > limit:
            break
    page = found[:limit]
    following = None
    if len(found) > limit:
        _, number, last = page[-1]
        following = encode_cursor([number, *last])
    return [row for row, _, _ in page], following


def _decode(parts: Sequence[OrderPart], cursor: str | None) -> tuple[int, list[Any] | None]:
    """Return the part in which a page begins, and the key after which it does."""
    if cursor is None:
        return 0, None
    number = int(decode_cursor(cursor, [int, *[str for _ in parts[0].columns]])[0])
    if not 0 <= number < len(parts):
        raise InvalidRequest(FOREIGN)
    key = decode_cursor(cursor, [int, *[kind for _, kind in parts[number].columns]])[1:]
    return number, key


async def list_ordered_neighbours(
    tx: Transaction, parts: Sequence[OrderPart], image: ImageRow
) -> tuple[UUID | None, UUID | None]:
    """Find the images of a list just before and just after an image, which may not be in it."""
    for number, part in enumerate(parts):
        columns = [column for column, _ in part.columns]
        own = part.everything.where(ImageRow.id == image.id).with_only_columns(*columns)
        key = (await tx.session.execute(own)).first()
        if key is not None:
            before = await _find_next(tx, parts[: number + 1][::-1], list(key), backward=True)
            after = await _find_next(tx, parts[number:], list(key), backward=False)
            return before, after
    return None, None


async def _find_next(
    tx: Transaction, parts: Sequence[OrderPart], key: Sequence[Any], *, backward: bool
) -> UUID | None:
    """Find the first image after a key of the first of these parts, or of the parts that follow."""
    for number, part in enumerate(parts):
        statement = part.sort(part.listed.with_only_columns(ImageRow.id), backward=backward)
        if number == 0:
            statement = part.follow(statement, key, backward=backward)
        found: UUID | None = (await tx.session.execute(statement.limit(1))).scalar_one_or_none()
        if found is not None:
            return found
    return None
