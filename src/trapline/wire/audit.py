"""The audit log: the user, time, origin and details of each change."""

from typing import Any

from trapline.wire.values import UUID, AnyText, Id, Message, Time


class AuditEntry(Message):
    """One entry of the audit log; `actor` is a name, and the other fields can be filtered by.

    `action` is the verb, such as create, change, download or export. `kind` and `subject_id`
    identify the object, and `address` is the IP address of the request.
    """

    id: UUID
    at: Time
    project_id: Id | None
    actor: AnyText
    actor_id: AnyText
    action: AnyText
    kind: AnyText
    subject_id: AnyText
    address: AnyText
    request_id: AnyText | None
    details: dict[str, Any]
