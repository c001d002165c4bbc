"""The allowed state transitions of jobs; the database has the same table."""

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

ALLOWED_CALLBACK_MOVES: frozenset[tuple[str, str]] = frozenset(
    {
        (JobState.QUEUED.value, JobState.PROCESSING.value),
        (JobState.QUEUED.value, JobState.CANCELED.value),
        (JobState.PROCESSING.value, JobState.COMPLETED.value),
        (JobState.PROCESSING.value, JobState.FAILED.value),
        (JobState.PROCESSING.value, JobState.CANCELED.value),
    }
)
"""The allowed transitions of a stand-alone analysis by request."""

ALLOWED_FINALIZATIONS: frozenset[tuple[str, str]] = frozenset(
    {
        (JobState.QUEUED.value, JobState.COMPLETED.value),
        (JobState.QUEUED.value, JobState.FAILED.value),
        (JobState.PROCESSING.value, JobState.COMPLETED.value),
        (JobState.PROCESSING.value, JobState.FAILED.value),
    }
)
"""The allowed transitions by finalization."""

FINAL = frozenset({JobState.COMPLETED, JobState.FAILED, JobState.CANCELED})


def find_final_state(
    open: int,  # noqa: A002 - the column's name
    completed: int,
    failed: int,
) -> JobState | None:
    """Return the final state of a job whose images are all queued; None while tasks are open.

    queries/job_counters.py has the same rule in SQL; a test compares both.
    """
    if open > 0:
        return None
    return JobState.FAILED if failed and not completed else JobState.COMPLETED
