"""The parameters that lists and paths share."""

from typing import Annotated

from fastapi import Path, Query, Response
from pydantic import AfterValidator

from trapline.server.platform.access import build_etag
from trapline.wire.values import Time, reject_nul

LARGEST = 2**63 - 1


Limit = Annotated[int, Query(ge=1, le=1000, description="How many at most on one page.")]
Cursor = Annotated[str | None, Query(max_length=1000, description="`next` of the page before.")]
ProjectPath = Annotated[int, Path(ge=1, le=LARGEST)]
ProjectFilter = Annotated[int | None, Query(ge=1, le=LARGEST)]
QueryText = Annotated[str, Query(max_length=1000), AfterValidator(reject_nul)]


def set_etag(response: Response, updated_at: Time) -> None:
    """Name the version that is answered, for If-Match."""
    response.headers["ETag"] = build_etag(updated_at)
