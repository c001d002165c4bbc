"""Events for the page: the record that changed, without its content."""

from trapline.wire.values import AnyText, Id, Message


class ChangeEvent(Message):
    """A changed object of a project, such as a job or an image, with its ID if known."""

    project_id: Id
    kind: AnyText
    id: AnyText | None = None
