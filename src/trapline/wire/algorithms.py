"""Algorithms: one model each, with its ordered class list."""

from trapline.wire.pipelines import RegisteredAlgorithm
from trapline.wire.values import AnyText, Count, Id, Message, Time


class ListedAlgorithm(RegisteredAlgorithm):
    """A revision of an algorithm, and the slugs of the pipelines that use it now.

    `registered` is false if only a result named it and no worker registered it.
    """

    id: Id
    project_id: Id
    description: AnyText | None
    version_name: AnyText | None
    pipelines: list[AnyText]
    created_at: Time


class AlgorithmClass(Message):
    """A class of an algorithm's list; `index` is its position in the scores, from 0."""

    index: Count
    label: AnyText
