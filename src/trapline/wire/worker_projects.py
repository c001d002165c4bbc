"""The projects of a token, in the short form that workers in the field ask for."""

from trapline.wire.values import AnyText, Count, Id, Message


class WorkerProject(Message):
    """A project that a worker may register pipelines with."""

    id: Id
    name: AnyText


class WorkerProjects(Message):
    """All projects of a token, in one page."""

    count: Count
    next: AnyText | None = None
    results: list[WorkerProject]
