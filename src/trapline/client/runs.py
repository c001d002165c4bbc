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
"""Seconds without data after which a stream is closed; the server sends something every 15 s."""

JobLike = int | str | Job | Run | RunAccepted | RunStateResult | RunSummary
"""Job, by its number, by its ID such as job-12, or by an object that has one of them."""


class RunContentInput(TypedDict, total=False):
    """Content of a run.

    It is `images`, image URLs, a sequence, or all images that match the other fields.
    Timestamps have a time zone.
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
        """Run a preset or a pipeline over images; without content over every image of the project.

        `project` is required only if neither images nor a deployment determine it. `key` is as for
        `submit_run`. With `later` the run waits until `transition_job(.., "run")`.

        Raises:
            ValueError: the content is not valid, such as an empty list of images.
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
        """Submit a run; the response arrives immediately, and the run starts in the background.

        `key` is the Idempotency-Key: the same key returns the same job. Each call has one, and is
        retried.
        """
        headers = {"Idempotency-Key": key or str(uuid4())}
        return self._to.send(
            "POST", "/pipeline/run", RunAccepted, new, headers=headers, retry=self._to.retry
        )

    def list_runs(self, **filters: str | int | float | None) -> NotebookPage[RunSummary]:
        """List one page of runs, newest first; filters are project, status, cursor, limit."""
        page = self._to.get("/pipeline/jobs", RunPage, filters)
        return NotebookPage[RunSummary](
            results=page.jobs,
            next=page.next,
            count=page.total,
            count_is_estimate=page.total_is_estimate,
        )

    def get_run(self, job: JobLike) -> NotebookRun:
        """Get a run with its history, and with its result when it has ended."""
        return self._to.get(_path(job), NotebookRun)

    def cancel_run(self, job: JobLike) -> RunStateResult:
        """Cancel a run; stored results are kept."""
        return self._to.send("POST", f"{_path(job)}/cancel", RunStateResult)

    def retry_run(self, job: JobLike, wanted: RetryRequest | None = None) -> RunStateResult:
        """Retry failed tasks: all of them, those of a reason, or some."""
        return self._to.send("POST", f"{_path(job)}/retry", RunStateResult, wanted)

    def wait(
        self,
        job: JobLike,
        *,
        timeout_s: float | None = None,
        progress: Callable[[RunProgress], object] | None = None,
    ) -> NotebookRun:
        """Wait until a run has ended, and return it with its result.

        `progress` is called with the progress. It also waits while the server is unavailable; only
        the first request fails as usual.

        Raises:
            TimeoutError: it takes longer than `timeout_s`; the run continues, and you can wait
                again.
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
                # A single attempt: the remaining time decides whether there is another.
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
        """Yield each state of a run, past and new, and its progress, until the run has ended.

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
                # After the end there are usually no more events, and the server confirms that
                # immediately.
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
        """Yield the events of one connection; none if there will be no more."""
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
            raise ApiConnectionError(f"{self._to.root} ended a stream before it sent anything")


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
    """Return the content in the wire format: objects are replaced by their IDs."""
    told: dict[str, Any] = dict(content)
    if told.get("images") is not None:
        told["images"] = [it.id if isinstance(it, Image) else it for it in told["images"]]
    if told.get("urls") is not None:
        told["urls"] = list(told["urls"])
    if isinstance(place := told.get("deployment"), Deployment):
        told["deployment"] = place.id
    return told
