"""Cursors: the key of the last row of a page as an opaque text, from which the next page goes on."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from trapline.server.platform.errors import InvalidRequest
from trapline.wire.values import Page, reject_nul, validate_year

FOREIGN = "This cursor is not one of this list. Begin again without `cursor`."
Item = TypeVar("Item")


def encode_cursor(values: Sequence[object]) -> str:
    """Write the key of the last row as an opaque text."""
    plain = [value.isoformat() if isinstance(value, datetime) else value for value in values]
    return base64.urlsafe_b64encode(json.dumps(plain, default=str).encode()).decode().rstrip("=")


def decode_cursor(cursor: str, kinds: Sequence[type]) -> list[Any]:
    """Read a cursor back into values of these kinds; raises Invalid for anything that was not ours."""
    try:
        plain = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(plain, list) or len(plain) != len(kinds):
            raise ValueError("another list's cursor")
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
            raise ValueError("not a number of ours")
        return value
    return reject_nul(str(value))


def slice_page(
    whole: Page[Item], key: Callable[[Item], UUID], limit: int, cursor: str | None
) -> Page[Item]:
    """Cut one page out of a list that is short enough to be fetched whole.

    One that fits on a page keeps its order. Pages of a longer one go by id, the newest first:
    whatever moves or goes meanwhile, each page goes on where the last one ended. Raises Invalid for
    a cursor of another list.
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
