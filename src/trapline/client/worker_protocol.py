"""Methods that workers call: register, lease tasks, renew leases and post results."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from trapline.client.api_session import ApiSession
from trapline.client.retry import NEVER, RetryPolicy
from trapline.wire.pipelines import (
    PipelineDefinition,
    PipelineRegistration,
    RegistrationResult,
)
from trapline.wire.results import Result, Results, ResultsAccepted
from trapline.wire.tasks import (
    ClaimableJob,
    ClaimableJobs,
    LeasedTask,
    LeasedTasks,
    LeaseRequest,
    ReleaseRequest,
    ReleaseResult,
    Renewal,
    RenewResult,
    Task,
    TaskRequest,
    Tasks,
)
from trapline.wire.worker_projects import WorkerProject, WorkerProjects
from trapline.wire.workers import HelloRequest, HelloResponse, WorkerReport


class WorkerProtocolApi:
    """Methods that workers call; paths end with a slash where existing workers expect it."""

    _to: ApiSession

    def list_worker_projects(self) -> list[WorkerProject]:
        """List all projects of a worker's token."""
        return self._to.get("/projects/", WorkerProjects, {"limit": 1000}).results

    def register_pipelines(
        self, project_id: int, service_name: str, pipelines: Sequence[PipelineDefinition]
    ) -> RegistrationResult:
        """Register the pipelines of a processing service in a project."""
        registration = PipelineRegistration(
            processing_service_name=service_name, pipelines=list(pipelines)
        )
        return self._to.send(
            "POST", f"/projects/{project_id}/pipelines/", RegistrationResult, registration
        )

    def list_claimable_jobs(self, slugs: Sequence[str]) -> list[ClaimableJob]:
        """List the jobs of these pipelines with tasks to lease now, best first."""
        params: Mapping[str, Any] = {
            "pipeline__slug__in": ",".join(slugs),
            "ids_only": 1,
            "incomplete_only": 1,
            "dispatch_mode": "async_api",
        }
        return self._to.get("/jobs", ClaimableJobs, params).results

    def lease_tasks(self, job_id: int, batch_size: int) -> list[Task]:
        """Lease up to about `batch_size` tasks of a job.

        Not retried: a lease whose response was lost returns to the queue automatically; a second
        request would lease more.
        """
        request = TaskRequest(batch_size=batch_size)
        return self._to.send("POST", f"/jobs/{job_id}/tasks/", Tasks, request, retry=NEVER).tasks

    def post_results(
        self, job_id: int, results: Sequence[Result], retry: RetryPolicy | None = None
    ) -> ResultsAccepted:
        """Post results; this is retried, because the server accepts repeated results."""
        body = (
            Results.model_construct(results=list(results))
            .model_dump_json(exclude_unset=True)
            .encode()
        )
        path = f"/jobs/{job_id}/result/"
        return self._to.send("POST", path, ResultsAccepted, body, retry=retry or self._to.retry)

    def register_worker(self, hello: HelloRequest) -> HelloResponse:
        """Register this process; this replaces an earlier one of its name and may be repeated."""
        return self._to.send("POST", "/workers/hello", HelloResponse, hello, retry=self._to.retry)

    def set_worker_id(self, worker_id: UUID | None) -> None:
        """Set the worker ID that every further request carries; None removes it."""
        self._to.set_header("X-Trapline-Worker", str(worker_id) if worker_id else None)

    def lease_any_tasks(
        self, slugs: Sequence[str], limit: int, wait_s: float = 0.0
    ) -> list[LeasedTask]:
        """Lease up to `limit` tasks of any job of these pipelines.

        The server waits up to `wait_s` seconds (at most 30) for a task.
        """
        request = LeaseRequest(pipelines=list(slugs), limit=limit, wait_s=wait_s)
        return self._to.send("POST", "/tasks/lease", LeasedTasks, request, retry=NEVER).tasks

    def renew_leases(
        self,
        leases: Sequence[str],
        begun: Sequence[str] = (),
        report: WorkerReport | None = None,
    ) -> RenewResult:
        """Renew all leases, and report which are begun; return the lost and canceled ones.

        `report` has values about the worker that users see.
        """
        renewal = Renewal(leases=list(leases), begun=list(begun), report=report)
        return self._to.send("POST", "/tasks/renew", RenewResult, renewal, retry=NEVER)

    def release_leases(
        self, leases: Sequence[str], *, final: bool = False, unsent: Sequence[str] = ()
    ) -> int:
        """Release leases without charging a retry.

        With `final` the worker ID ends, and all its leases except those in `unsent` are released.
        """
        release = ReleaseRequest(leases=list(leases), final=final, unsent=list(unsent))
        return self._to.send("POST", "/tasks/release", ReleaseResult, release, retry=NEVER).released
