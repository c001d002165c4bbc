"""Processing services and the workers behind them, as people see them."""

from trapline.wire.values import UUID, AnyText, Count, Id, Message, Time


class Worker(Message):
    """One live process of a processing service, or a caller known only by token, address and User-Agent."""

    id: UUID
    name: AnyText
    address: AnyText
    job_id: Id | None
    holds: Count
    completed: Count
    images_per_s: float | None
    last_contact_at: Time
    online: bool


class ProcessingService(Message):
    """A named installation of worker software, online if heard from in the last 60 s."""

    id: Id
    name: AnyText
    projects: list[Id]
    pipelines: list[AnyText]
    online: bool
    last_seen_at: Time | None
    workers: list[Worker]
