"""Everything that a list has, however many pages it takes."""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from trapline.wire.values import Page

Item = TypeVar("Item")

AT_ONCE = 500
"""How many are asked for at once, where nothing else is said."""


def iterate(
    listing: Callable[..., Page[Item]], *about: Any, **filters: str | int | float | None
) -> Iterator[Item]:
    """Give what a listing has, one by one: `iterate(server.list_images, project=1)`; it is asked
    page by page.

    What the listing takes is given along; `limit` is how many one page holds. What comes to a list
    meanwhile may be given or not, what was there is given once.
    """
    filters.setdefault("limit", AT_ONCE)
    page = listing(*about, **filters)
    yield from page.results
    while page.next is not None:
        page = listing(*about, **{**filters, "cursor": page.next})
        yield from page.results
