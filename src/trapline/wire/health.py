"""Health of the server: liveness and readiness."""

from trapline.wire.values import AnyText, Message


class Health(Message):
    """Liveness, or readiness with a message for each component."""

    status: AnyText
    parts: dict[str, AnyText] = {}
