"""Iteration over all pages of a list."""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from trapline.wire.values import Page

Item = TypeVar("Item")

AT_ONCE = 500
"""Default number of records per page."""


def iterate(
    listing: Callable[..., Page[Item]], *about: Any, **filters: str | int | float | None
) -> Iterator[Item]:
    """Yield all records of a list method, such as `iterate(server.list_images, project=1)`.

    Filters are passed to the list method; `limit` is the size of a page. Records that exist at the
    start are returned once; records created meanwhile may be missing.
    """
    filters.setdefault("limit", AT_ONCE)
    page = listing(*about, **filters)
    yield from page.results
    while page.next is not None:
        page = listing(*about, **{**filters, "cursor": page.next})
        yield from page.results
