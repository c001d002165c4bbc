"""Sequences: images of one visit."""

from enum import StrEnum

from trapline.wire.images import Image
from trapline.wire.values import UUID, AnyText, Count, Id, Message, Time


class Sequence(Message):
    """Images of one deployment that are closer than the project's gap to each other; the first few of them."""

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
    """How a list of sequences is ordered."""

    NEWEST_FIRST = "-started_at"
    OLDEST_FIRST = "started_at"
