"""The progress of a job in the form that clients of Antenna read."""

from trapline.wire.jobs import (
    Job,
    JobDetailProgress,
    JobState,
    ProgressStage,
    ProgressSummary,
    StageParameter,
)

STATUSES = {
    JobState.QUEUED: "PENDING",
    JobState.PROCESSING: "STARTED",
    JobState.COMPLETED: "SUCCESS",
    JobState.FAILED: "FAILURE",
    JobState.CANCELED: "REVOKED",
}
"""Antenna's status for each state; a job that was not started is CREATED there."""


def build_detail_progress(job: Job, annotations: int) -> JobDetailProgress:
    """Build the progress with a summary and stages.

    Results are stored when an image is completed, so the stages `process` and `results` have the
    same progress.
    """
    counts = job.progress
    total = max(counts.total, counts.expected or 0)
    done = counts.completed + counts.failed
    is_over = job.finished_at is not None
    fraction = done / total if total else float(is_over)
    status = "CREATED" if job.not_started else STATUSES[job.status]
    collected = "SUCCESS" if job.expanded else "STARTED" if not job.not_started else "CREATED"
    share = 1.0 if job.expanded else min(1.0, counts.total / total) if total else 0.0
    return JobDetailProgress(
        **counts.model_dump(),
        summary=ProgressSummary(
            status=status, progress=fraction, status_label=_format_label(status, fraction)
        ),
        stages=[
            _build_stage("collect", "Collect", collected, share, {"Total images": counts.total}),
            _build_stage(
                "process",
                "Process",
                status,
                fraction,
                {"Processed": done, "Failed": counts.failed, "Remaining": total - done},
            ),
            _build_stage(
                "results",
                "Results",
                status,
                fraction,
                {"Captures": counts.completed, "Annotations": annotations},
            ),
        ],
    )


def _build_stage(
    key: str, name: str, status: str, progress: float, values: dict[str, int]
) -> ProgressStage:
    return ProgressStage(
        key=key,
        name=name,
        status=status,
        progress=progress,
        status_label=_format_label(status, progress),
        params=[
            StageParameter(key=label.lower().replace(" ", "_"), name=label, value=value)
            for label, value in values.items()
        ],
    )


def _format_label(status: str, progress: float) -> str:
    if status in ("CREATED", "PENDING"):
        return "Waiting to start"
    return f"{progress:.0%} complete" if status in ("STARTED", "SUCCESS") else status
