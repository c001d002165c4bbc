"""Folders of the server's machine that an operator granted to a project for its sources."""

from typing import Annotated

from pydantic import Field

from trapline.wire.values import UUID, AnyText, Id, Message, Request, Text, Time


class NewSourceFolder(Request):
    """Request to grant a folder of the server's machine to a project.

    `path` is absolute, such as /media/cards.
    """

    project: Id
    path: Annotated[Text, Field(min_length=1, max_length=1000)]


class SourceFolder(Message):
    """A folder that sources of a project may read, with everything below it."""

    id: UUID
    project_id: Id
    project_name: AnyText
    path: AnyText
    granted_by: AnyText
    created_at: Time


class UngrantedSource(Message):
    """A source with a folder that is not granted to its project.

    It does not run until an operator grants the folder.
    """

    source_id: UUID
    name: AnyText
    project_id: Id
    project_name: AnyText
    base_url: AnyText
    is_active: bool
    detail: AnyText | None
