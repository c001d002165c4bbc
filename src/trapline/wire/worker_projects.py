"""The projects of a token, in the short form of the worker protocol."""

from trapline.wire.values import AnyText, Count, Id, Message, Time


class WorkerProject(Message):
    """A project of a token. Pipelines cannot be registered in an archived one."""

    id: Id
    name: AnyText
    archived_at: Time | None = None


class WorkerProjects(Message):
    """All projects of a token, in one page."""

    count: Count
    next: AnyText | None = None
    results: list[WorkerProject]
