"""Events for the page: the record that changed, without its content."""

from trapline.wire.values import AnyText, Id, Message


class ChangeEvent(Message):
    """Something of a project changed: a job, image, source, worker or identification, and its id where one is known."""

    project_id: Id
    kind: AnyText
    id: AnyText | None = None
