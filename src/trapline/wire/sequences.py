"""Sequences: images of one visit."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from trapline.wire.images import Image
from trapline.wire.values import UUID, AnyText, Count, Id, Message, Request, Time

MOST_MERGED = 100
"""Maximum number of sequences that one request merges."""


class Sequence(Message):
    """Images of one deployment with gaps below that of the project.

    It has the first few of its images. A `manual` one was split or merged by a person, and has the
    gaps of that change.
    """

    id: UUID
    project_id: Id
    deployment_id: UUID
    deployment_name: AnyText
    time_zone: AnyText
    started_at: Time
    ended_at: Time
    images: Count
    manual: bool = False
    shown: list[Image]


class SequenceOrder(StrEnum):
    """Order of a list of sequences."""

    NEWEST_FIRST = "-started_at"
    OLDEST_FIRST = "started_at"


class NewSequenceSplit(Request):
    """Request to split a sequence before an image."""

    image_id: Annotated[UUID, Field(description="The first image of the second sequence.")]
    sequence_id: Annotated[
        UUID | None,
        Field(description="The sequence that was shown; 409 if the image is in another one now."),
    ] = None


class NewSequenceMerge(Request):
    """Request to merge consecutive sequences of a deployment."""

    sequences: Annotated[list[UUID], Field(min_length=1, max_length=MOST_MERGED)]


class SequenceChangeKind(StrEnum):
    """Kind of a change of sequences by a person."""

    SPLIT = "split"
    MERGE = "merge"


class SequenceChange(Message):
    """A split or a merge of sequences by a person, which is kept when images are grouped again.

    `sequences` are the sequences that resulted, by time: the first keeps the ID that it had before.
    """

    id: Id
    project_id: Id
    deployment_id: UUID
    kind: SequenceChangeKind
    sequences: list[UUID]
    images: Count
    by: AnyText
    person_id: UUID | None
    created_at: Time
    undone_by: AnyText | None
    undone_at: Time | None
