"""Whether the server is alive and ready."""

from trapline.wire.values import AnyText, Message


class Health(Message):
    """Alive, or ready with each part's state in words."""

    status: AnyText
    parts: dict[str, AnyText] = {}
