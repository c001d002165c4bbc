"""Methods for pipeline runs: submit, get, follow and wait."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, TypedDict, Unpack
from urllib.parse import quote
from uuid import UUID, uuid4

from httpx2 import EventSource, ServerSentEvent, codes

from trapline.client.api_session import ApiSession
from trapline.client.errors import ApiConnectionError, ApiStatusError
from trapline.client.notebook_tables import NotebookPage, NotebookRun
from trapline.client.retry import LONGEST_WAIT_S
from trapline.wire.deployments import Deployment
from trapline.wire.images import Image
from trapline.wire.jobs import Job, JobPriority, JobStart, RetryRequest
from trapline.wire.runs import (
    NewRun,
    PipelineRunState,
    Run,
    RunAccepted,
    RunEvent,
    RunPage,
    RunProgress,
    RunStateResult,
    RunSummary,
)

OVER = frozenset({PipelineRunState.COMPLETED, PipelineRunState.FAILED, PipelineRunState.CANCELED})
FIRST_LOOK_S, LATER_LOOK_S = 0.1, 2.0
SILENT_S = 60.0
"""A stream that says nothing for so long is cut: the server says at least every 15 s that it is still there."""

JobLike = int | str | Job | Run | RunAccepted | RunStateResult | RunSummary
"""Job, by its number, by its ID such as job-12, or by an object that has one of them."""


class RunContentInput(TypedDict, total=False):
    """Content of a run: `images`, image URLs, a sequence, or all images that match the other
    fields.

    Moments have a zone.
    """

    images: Iterable[Image | UUID | str]
    urls: Iterable[str]
    deployment: Deployment | UUID | str
    sequence: UUID | str
    captured_after: datetime | str
    captured_before: datetime | str
    unanalysed_only: bool


class RunApi:
    """Methods for pipeline runs.

    A run is a job; the methods accept both.
    """

    _to: ApiSession

    def run(
        self,
        *,
        preset: str | None = None,
        pipeline: str | None = None,
        project: int | None = None,
        parameters: Mapping[str, Any] | None = None,
        priority: JobPriority | str | None = None,
        metadata: Mapping[str, Any] | None = None,
        later: bool = False,
        key: str | None = None,
        **content: Unpack[RunContentInput],
    ) -> RunAccepted:
        """Run a preset or a pipeline over some content; without any content over every image of the
        project.

        `project` is required only if neither images nor a deployment determine it. `key` is as for
        `submit_run`. Raises ValueError for what cannot be asked for, such as no image at all. With
        `later` it waits until `move_job(.., "run")`.
        """
        given: dict[str, Any] = {
            "preset": preset,
            "pipeline": pipeline,
            "project": project,
            "parameters": parameters,
            "priority": priority,
            "metadata": metadata,
            "start": JobStart.LATER if later else None,
        }
        given = {name: value for name, value in given.items() if value is not None}
        return self.submit_run(
            NewRun.model_validate({**given, "content": _plain(content)}), key=key
        )

    def submit_run(self, new: NewRun, *, key: str | None = None) -> RunAccepted:
        """Ask for a run; the answer comes at once, the work begins behind it.

        `key` is the Idempotency-Key: the same one brings back the same job. Each call has one, and
        is tried again.
        """
        headers = {"Idempotency-Key": key or str(uuid4())}
        return self._to.send(
            "POST", "/pipeline/run", RunAccepted, new, headers=headers, retry=self._to.retry
        )

    def list_runs(self, **filters: str | int | float | None) -> NotebookPage[RunSummary]:
        """One page of runs, newest first; filters are project, status, cursor, limit."""
        page = self._to.get("/pipeline/jobs", RunPage, filters)
        return NotebookPage[RunSummary](
            results=page.jobs,
            next=page.next,
            count=page.total,
            count_is_estimate=page.total_is_estimate,
        )

    def get_run(self, job: JobLike) -> NotebookRun:
        """One run with its history; once it is over, with its result."""
        return self._to.get(_path(job), NotebookRun)

    def cancel_run(self, job: JobLike) -> RunStateResult:
        """Cancel a run; what is done stays."""
        return self._to.send("POST", f"{_path(job)}/cancel", RunStateResult)

    def retry_run(self, job: JobLike, wanted: RetryRequest | None = None) -> RunStateResult:
        """Do again what failed: all of it, one reason's, or some."""
        return self._to.send("POST", f"{_path(job)}/retry", RunStateResult, wanted)

    def wait(
        self,
        job: JobLike,
        *,
        timeout_s: float | None = None,
        progress: Callable[[RunProgress], object] | None = None,
    ) -> NotebookRun:
        """Wait until a run is over, however it ended; answers it with its result. `progress` is
        called with the progress.

        A server that is away meanwhile is waited for, too: only the first look fails as other calls
        do. Raises TimeoutError if that takes longer than `timeout_s`; the run continues, and you
        can wait for it again.
        """
        ends = None if timeout_s is None else time.monotonic() + timeout_s
        run, problem = self.get_run(job), ""
        pause, failures = FIRST_LOOK_S, 0
        while True:
            if progress is not None and not failures:
                progress(run.progress)
            if run.status in OVER:
                return run
            left = None if ends is None else ends - time.monotonic()
            if left is not None and left <= 0:
                raise TimeoutError(
                    f"{run.job_id} has not ended after {timeout_s:g} s; it continues. "
                    f"{problem or run.status_reason}"
                )
            time.sleep(pause if left is None else min(pause, left))
            asked_s = None
            try:
                # One attempt: how often there is another is a matter of the time that is left.
                run = self._to.send("GET", _path(job), NotebookRun)
            except ApiStatusError as refused:
                if not refused.is_transient:
                    raise
                problem, asked_s = str(refused), refused.retry_after_s
            except ApiConnectionError as away:
                problem = str(away)
            else:
                pause, failures, problem = min(pause * 1.5, LATER_LOOK_S), 0, ""
                continue
            pause = self._to.retry.wait_s(failures, asked_s)
            failures += 1

    def follow_run(self, job: JobLike) -> Iterator[RunEvent]:
        """Give each state that a run enters and has entered, and its progress between them, until
        it is over.

        After a broken connection it continues after the last received state, after the pause that
        the server requests.
        """
        last, failures, pause_s = "", 0, self._to.retry.backoff_s
        while True:
            before, is_told, is_over = last, False, False
            try:
                for heard in self._hear(job, last):
                    if heard.retry is not None:
                        pause_s = min(heard.retry / 1000, LONGEST_WAIT_S)
                    if heard.data:
                        event = RunEvent.model_validate_json(heard.data)
                        last, failures, is_told = heard.id or last, 0, True
                        is_over = event.state is not None and event.state.state in OVER
                        yield event
                if not is_told:
                    return
                # Behind an end there is nothing more as a rule, and the answer to that comes at
                # once.
                if not (is_over and last != before):
                    self._to.retry.sleep(pause_s)
                continue
            except ApiStatusError as refused:
                if not refused.is_transient or failures >= self._to.retry.times:
                    raise
                asked_s = refused.retry_after_s or 0.0
            except ApiConnectionError:
                if failures >= self._to.retry.times:
                    raise
                asked_s = 0.0
            self._to.retry.sleep(self._to.retry.wait_s(failures, max(asked_s, pause_s)))
            failures += 1

    def _hear(self, job: JobLike, last: str) -> Iterator[ServerSentEvent]:
        """Events of one connection; none where there will be no more."""
        headers = {"Last-Event-ID": last} if last else {}
        with self._to.stream(
            f"{_path(job)}/events", headers=headers, silent_s=SILENT_S
        ) as response:
            if response.status_code == codes.NO_CONTENT:
                return
            is_told = False
            for event in EventSource(response):
                is_told = is_told or bool(event.data)
                yield event
        if not is_told:
            raise ApiConnectionError(f"{self._to.root} ended a stream before it said anything")


def _path(job: JobLike) -> str:
    named = (
        str(job)
        if isinstance(job, int | str)
        else str(job.id)
        if isinstance(job, Job)
        else job.job_id
    )
    return f"/pipeline/job/{quote(named, safe='')}"


def _plain(content: RunContentInput) -> dict[str, Any]:
    """The content as the wire has it: ids in the place of what has one."""
    told: dict[str, Any] = dict(content)
    if told.get("images") is not None:
        told["images"] = [it.id if isinstance(it, Image) else it for it in told["images"]]
    if told.get("urls") is not None:
        told["urls"] = list(told["urls"])
    if isinstance(place := told.get("deployment"), Deployment):
        told["deployment"] = place.id
    return told
