"""Projects, which own all other records."""

from typing import Annotated

from pydantic import Field

from trapline.wire.auth import Role
from trapline.wire.values import AnyText, Count, Id, Message, Name, Request, Slug, Text, Time


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


class Project(Message):
    """A project. `automatic_pipeline` is the slug of the pipeline that each new image is queued
    for.

    A `public` project can be viewed without an account, without people and places.

    A deleted project can be restored until `purge_after`; then it is purged with its content.
    """

    id: Id
    name: AnyText
    description: AnyText
    role: Role | None
    automatic_pipeline: AnyText | None
    sequence_gap_s: int
    public: bool = False
    images: Count
    created_at: Time
    updated_at: Time
    archived_at: Time | None
    deleted_at: Time | None = None
    purge_after: Time | None = None
