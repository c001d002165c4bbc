"""The client: a method an endpoint."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self
from uuid import UUID

from trapline import __version__
from trapline.client.analyses import AnalysisApi
from trapline.client.annotations import AnnotationApi
from trapline.client.api_session import ApiSession
from trapline.client.deployments import DeploymentApi
from trapline.client.errors import ApiError
from trapline.client.exports import ExportApi
from trapline.client.identifications import IdentificationApi
from trapline.client.images import ImageApi
from trapline.client.imports import ImportApi
from trapline.client.notebook_images import NotebookImage, NotebookImageDetail
from trapline.client.notebook_tables import NotebookPage
from trapline.client.notices import NoticeApi
from trapline.client.presets import PresetApi
from trapline.client.public_projects import PublicProjectApi
from trapline.client.retry import NEVER, RetryPolicy
from trapline.client.runs import RunApi
from trapline.client.sources import SourceApi
from trapline.client.staged_files import needs_staging, split_announcements, upload_staged_files
from trapline.client.taxa import TaxonApi
from trapline.client.uploads import (
    list_files,
    merge_uploads,
    name_below,
    open_form_parts,
    split_upload_batches,
    track_progress,
)
from trapline.client.users import UserApi
from trapline.client.webhooks import WebhookApi
from trapline.wire.analyses import Analysis
from trapline.wire.audit import AuditEntry
from trapline.wire.auth import Caller, CreatedToken, NewToken, Token
from trapline.wire.events import ChangeEvent
from trapline.wire.failures import DeadLetter, Failures, LogEntry, TaskHistory
from trapline.wire.images import ClassCount, ClassCounts, UploadResult
from trapline.wire.jobs import Job, JobDetail, JobUpdate, NewJob, RetryRequest
from trapline.wire.pipelines import (
    PipelineDefinition,
    PipelineRegistration,
    RegisteredPipeline,
    RegistrationResult,
)
from trapline.wire.projects import NewProject, Project, ProjectUpdate
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
from trapline.wire.users import CurrentUserUpdate
from trapline.wire.worker_projects import WorkerProject, WorkerProjects
from trapline.wire.workers import (
    EvictResult,
    HelloRequest,
    HelloResponse,
    ProcessingService,
    Worker,
)


class Trapline(
    AnalysisApi,
    DeploymentApi,
    ExportApi,
    AnnotationApi,
    IdentificationApi,
    ImageApi,
    ImportApi,
    NoticeApi,
    UserApi,
    PresetApi,
    PublicProjectApi,
    RunApi,
    SourceApi,
    TaxonApi,
    WebhookApi,
):
    """A session with a server, to be closed or used in a `with`. Safe to use from several threads.

    Every method raises ServerRefused where the server says no, and ServerUnreachable where no
    answer came. GETs are made again after passing failures; of the other calls only those that are
    idempotent.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        user_agent: str | None = None,
        retry: RetryPolicy | None = None,
        read_timeout_s: float = 30.0,
        post_timeout_s: float = 60.0,
    ) -> None:
        self._to = ApiSession(
            url,
            token,
            user_agent=user_agent or f"trapline/{__version__}",
            retry=retry or RetryPolicy(),
            read_timeout_s=read_timeout_s,
            post_timeout_s=post_timeout_s,
        )

    @property
    def root(self) -> str:
        """The API's address, ending in /api/v2."""
        return self._to.root

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the session."""
        self._to.close()

    # Who is calling

    def get_caller(self) -> Caller:
        """Return the user or worker of the token."""
        return self._to.get("/auth/me", Caller)

    def update_current_user(self, name: str) -> Caller:
        """Change the name of the token's person."""
        return self._to.send("PATCH", "/auth/me", Caller, CurrentUserUpdate(name=name))

    def list_tokens(self) -> list[Token]:
        """The caller's API tokens."""
        return self._to.list_all("/auth/tokens", NotebookPage[Token])

    def create_token(self, new: NewToken) -> CreatedToken:
        """Make an API token; the answer alone holds its secret."""
        return self._to.send("POST", "/auth/tokens", CreatedToken, new)

    def revoke_token(self, token_id: UUID) -> None:
        """Revoke an API token."""
        self._to.send("DELETE", f"/auth/tokens/{token_id}", type(None))

    # Projects

    def list_projects(self) -> list[Project]:
        """The caller's projects."""
        return self._to.list_all("/projects", NotebookPage[Project])

    def create_project(self, new: NewProject) -> Project:
        """Make a project."""
        return self._to.send("POST", "/projects", Project, new)

    def get_project(self, project_id: int) -> Project:
        """One project."""
        return self._to.get(f"/projects/{project_id}", Project)

    def update_project(self, project_id: int, change: ProjectUpdate) -> Project:
        """Change what is set in `change`."""
        return self._to.send("PATCH", f"/projects/{project_id}", Project, change)

    def delete_project(self, project_id: int, name: str) -> Project:
        """Delete a project, which is to be called by its name; it can be restored for a while."""
        return self._to.send("DELETE", f"/projects/{project_id}", Project, params={"name": name})

    def restore_project(self, project_id: int) -> Project:
        """Restore a deleted project."""
        return self._to.send("POST", f"/projects/{project_id}/restore", Project)

    def list_deleted_projects(self) -> list[Project]:
        """The deleted projects that the caller owns."""
        return self._to.list_all("/projects", NotebookPage[Project], {"deleted": "true"})

    # Images

    def list_images(self, **filters: str | int | float | None) -> NotebookPage[NotebookImage]:
        """One page of images.

        Filters are the endpoint's: project, deployment, class_, order, cursor, limit, ...
        """
        return self._to.get("/images", NotebookPage[NotebookImage], filters)

    def get_image(self, image_id: UUID) -> NotebookImageDetail:
        """One image with its analyses."""
        return self._to.get(f"/images/{image_id}", NotebookImageDetail)

    def count_classes(self, project_id: int) -> list[ClassCount]:
        """Each class of a project and how many images show it."""
        return self._to.get("/images/classes", ClassCounts, {"project": project_id}).results

    def upload_images(
        self,
        files: Path | str | Sequence[Path | str],
        *,
        project: int | None = None,
        deployment: UUID | None = None,
        progress: Callable[[int, int], None] | None = None,
        relative_to: Path | str | None = None,
    ) -> UploadResult:
        """Upload files, or the images of a folder, to a deployment or a project's default one.

        The files of a folder keep their paths below it, files below `relative_to` theirs below
        that. The result names the files of a folder that are not images in `left_out`.

        `progress(sent, total)` is in bytes; it goes back where a request is made again. They go in
        several requests where they are many, each of them tried again after passing failures: the
        same again stores nothing twice. A large set goes straight to the store, and when it is sent
        again, only what is not there yet. What was sent before a failure that stays is in the
        error's `sent`.
        """
        root, listed = None if relative_to is None else Path(relative_to), None
        if isinstance(files, Path | str):
            listed = list_files(Path(files))
            found = listed.pictures
            root = root or (Path(files) if Path(files).is_dir() else None)
        else:
            found = [Path(file) for file in files]
        fields = {"project": project, "deployment": deployment}
        given = {name: str(value) for name, value in fields.items() if value is not None}
        taken = track_progress(found, progress)
        answers: list[UploadResult] = []
        try:
            if needs_staging(found):
                for batch in split_announcements(found):
                    answers.append(upload_staged_files(self._to, batch, given, taken, root))  # noqa: PERF401 - as below
            else:
                for batch in split_upload_batches(found):
                    answers.append(self._send_files(batch, given, taken, root))  # noqa: PERF401
        except ApiError as failed:
            failed.sent = merge_uploads(answers)
            raise
        told = merge_uploads(answers)
        if listed is None:
            return told
        left_out = [name_below(path, root) for path in listed.others]
        return told.model_copy(update={"left_out": left_out, "hidden": listed.hidden})

    def _send_files(
        self,
        files: Sequence[Path],
        fields: Mapping[str, str],
        taken: Callable[[int], None],
        root: Path | None,
    ) -> UploadResult:
        def send() -> UploadResult:
            with open_form_parts(files, taken, root) as parts:
                return self._to.send("POST", "/images", UploadResult, files=parts, fields=fields)

        return self._to.retry.run(send)

    # Who did what

    def list_audit(self, **filters: str | int | float | None) -> NotebookPage[AuditEntry]:
        """One page of what was done in the projects that the caller owns, newest first.

        Filters are project, actor, action, kind, since, cursor, limit.
        """
        return self._to.get("/audit", NotebookPage[AuditEntry], filters)

    # Pipelines, jobs and the workers behind them

    def list_pipelines(
        self, project_id: int, **filters: str | int | float | None
    ) -> list[RegisteredPipeline]:
        """A project's pipelines; filters are slug, name, order."""
        return self._to.list_all(
            "/pipelines", NotebookPage[RegisteredPipeline], {"project": project_id, **filters}
        )

    def list_services(self, project_id: int) -> list[ProcessingService]:
        """A project's processing services and their workers."""
        return self._to.list_all(
            "/processing_services", NotebookPage[ProcessingService], {"project": project_id}
        )

    def list_workers(self, project_id: int | None = None, *, ended: bool = False) -> list[Worker]:
        """The workers of the last day, of a project or of all of yours; with `ended` also those whose id is over."""
        params = {"project": project_id, "ended": "true" if ended else None}
        return self._to.list_all("/workers", NotebookPage[Worker], params)

    def get_worker(self, worker_id: UUID) -> Worker:
        """One worker and what it holds."""
        return self._to.get(f"/workers/{worker_id}", Worker)

    def evict_worker(self, worker_id: UUID) -> EvictResult:
        """Take a worker's leases back at once, and refuse its id from now on."""
        return self._to.send("POST", f"/workers/{worker_id}/evict", EvictResult)

    def list_jobs(self, project_id: int, **filters: str | int | float | None) -> NotebookPage[Job]:
        """One page of a project's jobs.

        Filters are status, name, preset, pipeline__slug, pipeline__slug__in (comma-joined),
        created_after, created_before, order, cursor, limit.
        """
        return self._to.get("/jobs", NotebookPage[Job], {"project": project_id, **filters})

    def create_job(self, new: NewJob) -> Job:
        """Run a pipeline over images."""
        return self._to.send("POST", "/jobs", Job, new)

    def get_job(self, job_id: int) -> JobDetail:
        """One job with its history."""
        return self._to.get(f"/jobs/{job_id}", JobDetail)

    def transition_job(self, job_id: int, verb: str) -> Job:
        """`run`, `pause`, `resume` or `cancel` a job."""
        return self._to.send("POST", f"/jobs/{job_id}/{verb}", Job)

    def update_job(self, job_id: int, change: JobUpdate) -> Job:
        """Change what is set in `change`."""
        return self._to.send("PATCH", f"/jobs/{job_id}", Job, change)

    def retry_job(self, job_id: int, wanted: RetryRequest | None = None) -> Job:
        """Do again what failed: all of it, one reason's, or some."""
        return self._to.send("POST", f"/jobs/{job_id}/retry", Job, wanted)

    def list_failures(self, job_id: int) -> Failures:
        """Why images of a job failed, the most frequent reason first."""
        return self._to.get(f"/jobs/{job_id}/failures", Failures)

    def list_dead_letters(
        self, job_id: int, **filters: str | int | float | None
    ) -> NotebookPage[DeadLetter]:
        """One page of what a job gave up; filters are reason, cursor, limit."""
        return self._to.get(f"/jobs/{job_id}/dead_letters", NotebookPage[DeadLetter], filters)

    def list_job_log(
        self, job_id: int, **filters: str | int | float | None
    ) -> NotebookPage[LogEntry]:
        """One page of what happened to a job, the newest first; filters are cursor, limit."""
        return self._to.get(f"/jobs/{job_id}/log", NotebookPage[LogEntry], filters)

    def list_job_analyses(
        self, job_id: int, **filters: str | int | float | None
    ) -> NotebookPage[Analysis]:
        """One page of a job's analyses; filters are cursor, limit."""
        return self._to.get(f"/jobs/{job_id}/analyses", NotebookPage[Analysis], filters)

    def get_task(self, job_id: int, analysis_id: UUID) -> TaskHistory:
        """One task of a job with the story of each attempt."""
        return self._to.get(f"/jobs/{job_id}/tasks/{analysis_id}", TaskHistory)

    # What a worker calls; the trailing slashes are those of the workers in the field

    def list_worker_projects(self) -> list[WorkerProject]:
        """All projects of a worker's token."""
        return self._to.get("/projects/", WorkerProjects, {"limit": 1000}).results

    def register_pipelines(
        self, project_id: int, service_name: str, pipelines: Sequence[PipelineDefinition]
    ) -> RegistrationResult:
        """Offer pipelines to a project."""
        registration = PipelineRegistration(
            processing_service_name=service_name, pipelines=list(pipelines)
        )
        return self._to.send(
            "POST", f"/projects/{project_id}/pipelines/", RegistrationResult, registration
        )

    def list_claimable_jobs(self, slugs: Sequence[str]) -> list[ClaimableJob]:
        """Jobs of these pipelines that have something to lease now, best first."""
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
        """Post results; the server takes the same ones any number of times, so this is tried again."""
        body = (
            Results.model_construct(results=list(results))
            .model_dump_json(exclude_unset=True)
            .encode()
        )
        path = f"/jobs/{job_id}/result/"
        return self._to.send("POST", path, ResultsAccepted, body, retry=retry or self._to.retry)

    # What a worker calls where the server gives it an id

    def register_worker(self, hello: HelloRequest) -> HelloResponse:
        """Register this process; this replaces an earlier one of its name and may be repeated."""
        return self._to.send("POST", "/workers/hello", HelloResponse, hello, retry=self._to.retry)

    def set_worker_id(self, worker_id: UUID | None) -> None:
        """Send a worker's id along with every call from now on, or no longer."""
        self._to.set_header("X-Trapline-Worker", str(worker_id) if worker_id else None)

    def lease_any_tasks(
        self, slugs: Sequence[str], limit: int, wait_s: float = 0.0
    ) -> list[LeasedTask]:
        """Lease up to `limit` tasks of any job of these pipelines, waiting up to `wait_s` (30) until there is one."""
        request = LeaseRequest(pipelines=list(slugs), limit=limit, wait_s=wait_s)
        return self._to.send("POST", "/tasks/lease", LeasedTasks, request, retry=NEVER).tasks

    def renew_leases(self, leases: Sequence[str], begun: Sequence[str] = ()) -> RenewResult:
        """Name all leases in hand and those of them that are begun, and return which are lost or canceled."""
        renewal = Renewal(leases=list(leases), begun=list(begun))
        return self._to.send("POST", "/tasks/renew", RenewResult, renewal, retry=NEVER)

    def release_leases(
        self, leases: Sequence[str], *, final: bool = False, unsent: Sequence[str] = ()
    ) -> int:
        """Give leases back, uncharged; with `final` all but those whose results are `unsent`, and the id ends."""
        release = ReleaseRequest(leases=list(leases), final=final, unsent=list(unsent))
        return self._to.send("POST", "/tasks/release", ReleaseResult, release, retry=NEVER).released

    # What happens as it happens

    def stream_changes(self, project_id: int) -> Iterator[ChangeEvent]:
        """Yield changes in a project while the connection lasts; each is a hint to read again."""
        with self._to.stream("/events", {"project": project_id}) as response:
            for line in response.iter_lines():
                if line.startswith("data:"):
                    yield ChangeEvent.model_validate(json.loads(line[5:]))
