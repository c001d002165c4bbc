"""What the page is told as it happens: which thing changed, not what it is now."""

from trapline.wire.values import AnyText, Id, Message


class ChangeEvent(Message):
    """Something of a project changed: a job, image, source, worker or identification, and its id where one is known."""

    project_id: Id
    kind: AnyText
    id: AnyText | None = None
