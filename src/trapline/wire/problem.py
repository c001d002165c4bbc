"""The format of all errors: RFC 9457 problem details."""

from trapline.wire.values import AnyText, Message


class FieldProblem(Message):
    """One error in a request: its position and a message."""

    where: AnyText
    message: AnyText


class Problem(Message):
    """An error, as `application/problem+json`.

    `detail` describes what happened and what to do.
    """

    type: AnyText = "about:blank"
    title: AnyText
    status: int
    detail: AnyText
    request_id: AnyText | None = None
    errors: list[FieldProblem] = []
