"""Methods for pipelines, jobs and their failures."""

from uuid import UUID

from trapline.client.api_session import ApiSession
from trapline.client.notebook_tables import NotebookPage
from trapline.wire.analyses import Analysis
from trapline.wire.failures import DeadLetter, Failures, LogEntry, TaskHistory
from trapline.wire.jobs import Job, JobDetail, JobUpdate, NewJob, RetryRequest
from trapline.wire.pipelines import RegisteredPipeline


class JobApi:
    """Methods for pipelines and jobs."""

    _to: ApiSession

    def list_pipelines(
        self, project_id: int, **filters: str | int | float | None
    ) -> list[RegisteredPipeline]:
        """List the pipelines of a project; filters are slug, name, order."""
        return self._to.list_all(
            "/pipelines", NotebookPage[RegisteredPipeline], {"project": project_id, **filters}
        )

    def list_jobs(self, project_id: int, **filters: str | int | float | None) -> NotebookPage[Job]:
        """List one page of a project's jobs.

        Filters are status, name, preset, pipeline__slug, pipeline__slug__in (comma-joined),
        created_after, created_before, order, cursor, limit.
        """
        return self._to.get("/jobs", NotebookPage[Job], {"project": project_id, **filters})

    def create_job(self, new: NewJob) -> Job:
        """Create a job, which runs a pipeline over images."""
        return self._to.send("POST", "/jobs", Job, new)

    def get_job(self, job_id: int) -> JobDetail:
        """Get a job with its history."""
        return self._to.get(f"/jobs/{job_id}", JobDetail)

    def transition_job(self, job_id: int, verb: str) -> Job:
        """Run, pause, resume or cancel a job; `verb` is one of these words."""
        return self._to.send("POST", f"/jobs/{job_id}/{verb}", Job)

    def update_job(self, job_id: int, change: JobUpdate) -> Job:
        """Update the fields that are set in `change`."""
        return self._to.send("PATCH", f"/jobs/{job_id}", Job, change)

    def retry_job(self, job_id: int, wanted: RetryRequest | None = None) -> Job:
        """Retry failed tasks: all of them, those of a reason, or some."""
        return self._to.send("POST", f"/jobs/{job_id}/retry", Job, wanted)

    def list_failures(self, job_id: int) -> Failures:
        """List the reasons why images of a job failed, the most frequent first."""
        return self._to.get(f"/jobs/{job_id}/failures", Failures)

    def list_dead_letters(
        self, job_id: int, **filters: str | int | float | None
    ) -> NotebookPage[DeadLetter]:
        """List one page of a job's failed tasks; filters are reason, cursor, limit."""
        return self._to.get(f"/jobs/{job_id}/dead_letters", NotebookPage[DeadLetter], filters)

    def list_job_log(
        self, job_id: int, **filters: str | int | float | None
    ) -> NotebookPage[LogEntry]:
        """List one page of a job's log, newest first; filters are cursor, limit."""
        return self._to.get(f"/jobs/{job_id}/log", NotebookPage[LogEntry], filters)

    def list_job_analyses(
        self, job_id: int, **filters: str | int | float | None
    ) -> NotebookPage[Analysis]:
        """List one page of a job's analyses; filters are cursor, limit."""
        return self._to.get(f"/jobs/{job_id}/analyses", NotebookPage[Analysis], filters)

    def get_task(self, job_id: int, analysis_id: UUID) -> TaskHistory:
        """Get a task of a job with each of its attempts."""
        return self._to.get(f"/jobs/{job_id}/tasks/{analysis_id}", TaskHistory)
