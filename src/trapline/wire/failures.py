"""Failures of a job: groups by reason, failed tasks, and the attempts at a task."""

from trapline.wire.analyses import AnalysisState
from trapline.wire.values import UUID, AnyText, Count, Id, Message, Time


class FailureGroup(Message):
    """Failed images of a job with one reason: errors that differ only in numbers, paths or
    addresses have the same.

    `example` is one of the reported errors.
    """

    reason: AnyText
    images: Count
    example: AnyText
    sample_image_ids: list[UUID]


class Failures(Message):
    """Why images of a job failed, the most frequent reason first; `failed` are those of every reason."""

    results: list[FailureGroup]
    failed: Count


class DeadLetter(Message):
    """A task that was given up.

    `error` is the last reported error, cut off after 2,000 characters.
    """

    analysis_id: UUID
    image_id: UUID
    filename: AnyText
    reason: AnyText
    error: AnyText
    attempts: Count
    failed_at: Time | None


class LogEntry(Message):
    """One line of a job's log: a move of the job, or an attempt at a task that ended badly.

    `what` is a message; `by` is the user or worker. `analysis_id` and `image_id` are set for an
    attempt.
    """

    at: Time
    what: AnyText
    by: AnyText | None
    error: AnyText | None
    analysis_id: UUID | None
    image_id: UUID | None


class TaskAttempt(Message):
    """One lease of one task. `number` never restarts.

    `outcome` is `in hand`, `completed`, `error`, `lost` (no answer came), `evicted`, `released` or
    `unheard` (the worker gave it back or never had it). `worker` is the worker's name.
    """

    number: Count
    worker: AnyText | None
    worker_id: UUID | None
    leased_at: Time | None
    ended_at: Time | None
    outcome: AnyText
    error: AnyText | None


class TaskHistory(Message):
    """One task of a job: where it is, and each attempt at it, the first one first.

    `next_attempt_at` while it waits.
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
