"""Basic types of the fields of messages, with the limits of the database."""

import json
import math
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
)

Item = TypeVar("Item")
DEEPEST = 64
"""Maximum depth of free JSON; JSON encoders fail beyond a depth of about 200."""
MOST_SHORT = 65_536
LONGEST_TEXT = 100_000
LONGEST_LEASE_TOKEN = 100
LAST_YEAR = 9998
"""The last year in UTC that has four digits in every time zone."""


def reject_nul(text: str) -> str:
    """Validate that PostgreSQL can store a text; raises ValueError."""
    if "\x00" in text:
        raise ValueError("must not contain the NUL character")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("must be valid Unicode: it contains a lone surrogate") from None
    return text


def validate_storable(value: Any) -> Any:
    """Validate that PostgreSQL can store the values of free JSON; raises ValueError."""
    if isinstance(value, str):
        reject_nul(value)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError("must not contain NaN or an infinite number")
    elif isinstance(value, dict):
        for key, inner in value.items():
            reject_nul(key)
            validate_storable(inner)
    elif isinstance(value, list):
        for inner in value:
            validate_storable(inner)
    return value


_NESTING = frozenset((dict, list))


def exceeds_depth(value: Any) -> bool:
    """Return whether lists and objects are nested deeper than the response format allows."""
    if type(value) is dict and _NESTING.isdisjoint(map(type, value.values())):
        return False  # most values; the code below takes four times as long
    level = [value]
    for _ in range(DEEPEST):
        inner: list[Any] = []
        for one in level:
            inner += one.values() if type(one) is dict else one if type(one) is list else ()
        level = [one for one in inner if type(one) is dict or type(one) is list]
        if not level:
            return False
    return True


def validate_depth(value: Any) -> Any:
    """Validate that free JSON can be returned; raises ValueError."""
    if exceeds_depth(value):
        raise ValueError(f"must not be nested more than {DEEPEST} levels deep")
    return value


def validate_size(value: dict[str, Any]) -> dict[str, Any]:
    """Validate that an object that lists contain is short; raises ValueError."""
    if len(json.dumps(value)) > MOST_SHORT:
        raise ValueError(f"must have at most {MOST_SHORT:,} characters as JSON")
    return value


def validate_year(moment: datetime) -> datetime:
    """Validate that a time can be shown in every time zone: years 1 to 9998 in UTC.

    Raises ValueError.
    """
    try:
        year = moment.astimezone(UTC).year
    except OverflowError:
        year = LAST_YEAR + 1
    if year > LAST_YEAR:
        raise ValueError(f"must be a moment in the years 1 to {LAST_YEAR}, in UTC")
    return moment


def _not_boolean(value: Any) -> Any:
    if isinstance(value, bool):
        # pydantic reports only ValueError.
        raise ValueError("must be a number, not true or false")  # noqa: TRY004
    return value


AnyText = Annotated[str, AfterValidator(reject_nul)]
"""Text of any length that PostgreSQL can store, only for messages of the server."""

FreeObject = Annotated[
    dict[str, Any], AfterValidator(validate_depth), AfterValidator(validate_storable)
]
"""A JSON object with any content."""

ShortObject = Annotated[FreeObject, AfterValidator(validate_size)]
"""Short free JSON, for objects that lists contain."""

Text = Annotated[str, Field(max_length=10_000), AfterValidator(reject_nul)]
"""Text of at most 10,000 characters."""

LongText = Annotated[str, Field(max_length=LONGEST_TEXT), AfterValidator(reject_nul)]
"""Text of at most 100,000 characters: an error with its traceback, or a data URL."""

LeaseToken = Annotated[str, Field(max_length=LONGEST_LEASE_TOKEN), AfterValidator(reject_nul)]
"""A lease token; the server's own have at most 69 characters."""

Sha256 = Annotated[str, Field(min_length=64, max_length=64, pattern=r"^[0-9a-f]{64}$")]
"""A SHA-256 as 64 hexadecimal digits."""

Name = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(reject_nul)]
"""A name for people: 1 to 255 characters."""

Slug = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.\-]*$")]
"""A name for programs."""

Real = Annotated[float, BeforeValidator(_not_boolean), Strict(), Field(allow_inf_nan=False)]
"""A real, finite number: no text, no boolean, no NaN."""

Fraction = Annotated[Real, Field(ge=0, le=1)]
"""A number from 0 to 1, such as a confidence."""

Id = Annotated[int, BeforeValidator(_not_boolean), Field(ge=1, le=2**63 - 1)]
"""An identifier of a project, job, service or pipeline."""

Count = Annotated[int, BeforeValidator(_not_boolean), Field(ge=0, le=2**63 - 1)]
"""A number of items."""

Time = AwareDatetime
"""Time in a response, RFC 3339 with a zone; times in requests are GivenTime."""

GivenTime = Annotated[AwareDatetime, AfterValidator(validate_year)]
"""Time in a request, RFC 3339 with a zone, that the database and every zone can represent."""

__all__ = [
    "UUID", "AnyText", "Count", "Fraction", "GivenTime", "Id", "Message", "Name", "Page",
    "Real", "Slug", "Text", "Time", "datetime",
]  # fmt: skip


# A process uses few of the messages. Each validator is built at its first use, because building all
# of them took a third of the time in which a command starts.
_BASE = ConfigDict(frozen=True, allow_inf_nan=False, defer_build=True)


class Message(BaseModel):
    """Base of messages; unknown keys are ignored, so that newer clients can use older servers."""

    model_config = ConfigDict(**_BASE, extra="ignore")


class Request(BaseModel):
    """Base of requests in which an unknown key is an error."""

    model_config = ConfigDict(**_BASE, extra="forbid")


class Page(Message, Generic[Item]):
    """One page of a list: `next` is the cursor to send for the page that follows, null at the end.

    `count` is exact up to 10,000 and an estimate beyond that.
    """

    results: list[Item]
    next: str | None = None
    count: Count
    count_is_estimate: bool = False
