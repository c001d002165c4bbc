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

ALLOWED_CALLBACK_MOVES: frozenset[tuple[str, str]] = frozenset(
    {
        (JobState.QUEUED.value, JobState.PROCESSING.value),
        (JobState.QUEUED.value, JobState.CANCELED.value),
        (JobState.PROCESSING.value, JobState.COMPLETED.value),
        (JobState.PROCESSING.value, JobState.FAILED.value),
        (JobState.PROCESSING.value, JobState.CANCELED.value),
    }
)
"""Which state of a stand-alone analysis may follow which, when somebody says so."""

ALLOWED_FINALIZATIONS: frozenset[tuple[str, str]] = frozenset(
    {
        (JobState.QUEUED.value, JobState.COMPLETED.value),
        (JobState.QUEUED.value, JobState.FAILED.value),
        (JobState.PROCESSING.value, JobState.COMPLETED.value),
        (JobState.PROCESSING.value, JobState.FAILED.value),
    }
)
"""The same for a finalization."""

FINAL = frozenset({JobState.COMPLETED, JobState.FAILED, JobState.CANCELED})


def find_final_state(open: int, completed: int, failed: int) -> JobState | None:  # noqa: A002 - the column's name
    """Tell how a job ends whose every image is in the line already; None while some are open.

    db/line/job_row.py says the same in SQL; a test compares the two.
    """
    if open > 0:
        return None
    return JobState.FAILED if failed and not completed else JobState.COMPLETED
