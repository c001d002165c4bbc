"""Sequences: images of one visit."""

from enum import StrEnum

from trapline.wire.images import Image
from trapline.wire.values import UUID, AnyText, Count, Id, Message, Time


class Sequence(Message):
    """Images of one deployment with gaps below that of the project.

    It has the first few of its images.
    """

    id: UUID
    project_id: Id
    deployment_id: UUID
    deployment_name: AnyText
    time_zone: AnyText
    started_at: Time
    ended_at: Time
    images: Count
    shown: list[Image]


class SequenceOrder(StrEnum):
    """Order of a list of sequences."""

    NEWEST_FIRST = "-started_at"
    OLDEST_FIRST = "started_at"
