"""Parameters of paths and lists that many routes share."""

from typing import Annotated

from fastapi import Path, Query, Response
from pydantic import AfterValidator

from trapline.server.platform.access import build_etag
from trapline.wire.values import Time, reject_nul

LARGEST = 2**63 - 1


Limit = Annotated[int, Query(ge=1, le=1000, description="The largest number of results on a page.")]
Cursor = Annotated[str | None, Query(max_length=1000, description="`next` of the previous page.")]
ProjectPath = Annotated[int, Path(ge=1, le=LARGEST)]
ProjectFilter = Annotated[int | None, Query(ge=1, le=LARGEST)]
QueryText = Annotated[str, Query(max_length=1000), AfterValidator(reject_nul)]


def set_etag(response: Response, updated_at: Time) -> None:
    """Set the ETag of a response, for If-Match."""
    response.headers["ETag"] = build_etag(updated_at)
