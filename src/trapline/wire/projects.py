"""Projects, which own all other records."""

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field

from trapline.wire.auth import Role
from trapline.wire.values import AnyText, Count, Id, Message, Name, Request, Slug, Text, Time


class DrawnShapeKind(StrEnum):
    """Shape that the page offers to people who draw on images."""

    BOX = "box"
    POINT = "point"
    POLYGON = "polygon"


def _validate_different(shapes: list[DrawnShapeKind]) -> list[DrawnShapeKind]:
    if len(set(shapes)) < len(shapes):
        raise ValueError("must be different")
    return [one for one in DrawnShapeKind if one in shapes]


DrawnShapeKinds = Annotated[
    list[DrawnShapeKind], Field(min_length=1, max_length=3), AfterValidator(_validate_different)
]


class NewProject(Request):
    """Request to create a project; the caller becomes its owner."""

    name: Name
    description: Text = ""


class ProjectUpdate(Request):
    """Request to update a project; omitted fields keep their values."""

    name: Name | None = None
    description: Text | None = None
    automatic_pipeline: Slug | None = None
    sequence_gap_s: Annotated[int, Field(ge=0, le=86_400)] | None = None
    archived: bool | None = None
    public: bool | None = None
    shapes: DrawnShapeKinds | None = Field(
        default=None, description="Shapes that the page offers to people who draw on images."
    )


class Project(Message):
    """A project. `automatic_pipeline` is the slug of the pipeline that each new image is queued
    for.

    A `public` project can be viewed without an account, without people and places.

    `shapes` are those that the page offers to people who draw on images. The API accepts every
    shape.

    A deleted project can be restored until `purge_after`; then it is purged with its content.
    """

    id: Id
    name: AnyText
    description: AnyText
    role: Role | None
    automatic_pipeline: AnyText | None
    sequence_gap_s: int
    public: bool = False
    shapes: list[DrawnShapeKind]
    images: Count
    created_at: Time
    updated_at: Time
    archived_at: Time | None
    deleted_at: Time | None = None
    purge_after: Time | None = None
