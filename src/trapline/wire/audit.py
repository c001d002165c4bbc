"""The audit: who did what, when, from where."""

from typing import Any

from trapline.wire.values import UUID, AnyText, Id, Message, Time


class AuditEntry(Message):
    """One entry of the audit; `actor` is a name, and the other fields are those to filter by.

    `action` is the verb, such as create, change, download or export; `kind` and `subject_id`
    say to what, and `address` from where.
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
