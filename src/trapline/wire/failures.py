"""Failures of a job: groups by reason, failed tasks, and the attempts at a task."""

from trapline.wire.analyses import AnalysisState
from trapline.wire.values import UUID, AnyText, Count, Id, Message, Time


class FailureGroup(Message):
    """Failed images of a job with the same reason.

    Errors that differ only in numbers, paths or URLs have the same reason. `example` is one of the
    reported errors.
    """

    reason: AnyText
    images: Count
    example: AnyText
    sample_image_ids: list[UUID]


class Failures(Message):
    """Reasons for failed images of a job, the most frequent first; `failed` is the total."""

    results: list[FailureGroup]
    failed: Count


class DeadLetter(Message):
    """A task that failed permanently.

    `error` is the last reported error, truncated to 2,000 characters.
    """

    analysis_id: UUID
    image_id: UUID
    filename: AnyText
    reason: AnyText
    error: AnyText
    attempts: Count
    failed_at: Time | None


class LogEntry(Message):
    """One entry of a job's log: a state transition, an unsuccessful attempt at a task, or a worker.

    `what` is a message; `by` is the user or worker. `analysis_id` and `image_id` are set for an
    attempt. The entry of a worker is at the time of its first contact, with the numbers of tasks
    that it fetched and returned until now.
    """

    at: Time
    what: AnyText
    by: AnyText | None
    error: AnyText | None
    analysis_id: UUID | None
    image_id: UUID | None


class TaskAttempt(Message):
    """One lease of one task.

    `number` never restarts. `outcome` is `in hand` (in progress), `completed`, `error`, `lost` (the
    lease expired without a result), `evicted`, `released` or `unheard` (the worker released the
    task or never received it), or `taken over` (an idle worker received it before it was begun).
    `worker` is the worker's name.
    """

    number: Count
    worker: AnyText | None
    worker_id: UUID | None
    leased_at: Time | None
    ended_at: Time | None
    outcome: AnyText
    error: AnyText | None


class TaskHistory(Message):
    """One task of a job: its state and its attempts, the first one first.

    `next_attempt_at` is set while the task waits for a retry.
    """

    analysis_id: UUID
    job_id: Id
    image_id: UUID
    filename: AnyText
    status: AnalysisState
    reason: AnyText | None
    error: AnyText | None
    next_attempt_at: Time | None
    attempts: list[TaskAttempt]
