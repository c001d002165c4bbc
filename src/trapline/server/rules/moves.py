"""Which state of a job may follow which; the database holds the same table."""

from trapline.wire.jobs import JobState

NEW = "new"

ALLOWED_JOB_MOVES: frozenset[tuple[str, str]] = frozenset(
    {
        (NEW, JobState.QUEUED.value),
        (JobState.QUEUED.value, JobState.PROCESSING.value),
        (JobState.QUEUED.value, JobState.COMPLETED.value),
        (JobState.QUEUED.value, JobState.FAILED.value),
        (JobState.QUEUED.value, JobState.CANCELED.value),
        (JobState.PROCESSING.value, JobState.COMPLETED.value),
        (JobState.PROCESSING.value, JobState.FAILED.value),
        (JobState.PROCESSING.value, JobState.CANCELED.value),
        (JobState.COMPLETED.value, JobState.QUEUED.value),
        (JobState.FAILED.value, JobState.QUEUED.value),
        (JobState.CANCELED.value, JobState.QUEUED.value),
    }
)

FINAL = frozenset({JobState.COMPLETED, JobState.FAILED, JobState.CANCELED})
