"""Cursors: the key of the last row of a page as an opaque text, which requests the next page."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from math import isfinite
from typing import Any, TypeVar
from uuid import UUID

from trapline.server.platform.errors import InvalidRequest
from trapline.wire.values import Page, reject_nul, validate_year

FOREIGN = "This cursor does not belong to this list. Request the first page, without `cursor`."
Item = TypeVar("Item")


def encode_cursor(values: Sequence[object]) -> str:
    """Encode the key of the last row as an opaque text."""
    plain = [value.isoformat() if isinstance(value, datetime) else value for value in values]
    return base64.urlsafe_b64encode(json.dumps(plain, default=str).encode()).decode().rstrip("=")


def decode_cursor(cursor: str, kinds: Sequence[type]) -> list[Any]:
    """Decode a cursor into values of these types.

    Raises:
        InvalidRequest: the cursor is malformed, or it belongs to another list.
    """
    try:
        plain = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(plain, list) or len(plain) != len(kinds):
            raise ValueError("the cursor of another list")
        return [_read_value(value, kind) for value, kind in zip(plain, kinds, strict=True)]
    except (ValueError, TypeError, binascii.Error, RecursionError) as error:
        raise InvalidRequest(FOREIGN) from error


def _read_value(value: object, kind: type) -> object:
    if kind is datetime:
        moment = datetime.fromisoformat(str(value))
        if moment.tzinfo is None:
            raise ValueError("a time without a zone")
        return validate_year(moment)
    if kind is UUID:
        return UUID(str(value))
    if kind is int:
        if isinstance(value, bool) or not isinstance(value, int) or not -(2**63) <= value < 2**63:
            raise ValueError("not a 64-bit integer")
        return value
    if kind is float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
            raise ValueError("not a finite number")
        return float(value)
    return reject_nul(str(value))


def slice_page(
    whole: Page[Item], key: Callable[[Item], UUID], limit: int, cursor: str | None
) -> Page[Item]:
    """Return one page of a list that is short enough to be fetched completely.

    A list that fits on one page keeps its order. Pages of a longer list are ordered by ID, the
    newest first, so that each page continues after the previous one even if items were moved or
    deleted in between.

    Raises:
        InvalidRequest: the cursor belongs to another list.
    """
    if cursor is None and len(whole.results) <= limit:
        return whole
    behind = sorted(whole.results, key=key, reverse=True)
    if cursor is not None:
        [last] = decode_cursor(cursor, [UUID])
        behind = [item for item in behind if key(item) < last]
    results = behind[:limit]
    more = len(behind) > limit
    return whole.model_copy(
        update={"results": results, "next": encode_cursor([key(results[-1])]) if more else None}
    )
