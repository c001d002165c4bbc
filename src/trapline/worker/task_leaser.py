"""Leasing of tasks from the server."""

import random
import threading
import time
from collections.abc import Callable, Sequence

from structlog.typing import FilteringBoundLogger

from trapline.client import ApiConnectionError, ApiStatusError, Trapline
from trapline.wire.tasks import Task
from trapline.wire.workers import HelloResponse
from trapline.worker.held_leases import HeldLease
from trapline.worker.worker_identity import (
    ABSENT,
    WorkerIdentity,
    WorkerRejected,
    WorkerThreadError,
)

FULL_WAIT_S = 0.02
LONGEST_WAIT_S = 30.0
LONGEST_ASKED_S = 3600.0
"""The longest pause in seconds that a server can request."""


class TaskLeaser:
    """Leases as many tasks as the loop has room for, according to `find_room`.

    A server that registers workers leases over all jobs in one request, and waits there up to
    `wait_s` seconds for a task. From another server the worker lists jobs, drains the first one,
    and lists them again. If the server refuses the token or the ID, `error` is set and `run` ends,
    because only a person can fix that.
    """

    def __init__(
        self,
        *,
        api: Trapline,
        slugs: Sequence[str],
        find_room: Callable[[], int],
        take: Callable[[Sequence[HeldLease]], None],
        poll_s: float,
        stop: threading.Event,
        log: FilteringBoundLogger,
        identity: WorkerIdentity,
        wait_s: float = 0.0,
    ) -> None:
        self._api = api
        self._slugs = slugs
        self._find_room = find_room
        self._take = take
        self._poll_s = poll_s
        self._stop = stop
        self._log = log
        self._identity = identity
        self._wait_s = wait_s
        self._last_task = time.monotonic()
        self._looked = False
        self.error: WorkerRejected | WorkerThreadError | None = None

    def seconds_without_task(self) -> float:
        """Return the seconds for which the server has reported no task.

        A server that does not respond reports nothing.
        """
        return time.monotonic() - self._last_task if self._looked else 0.0

    def touch(self) -> None:
        """Reset the time without a task."""
        self._last_task = time.monotonic()

    def fail(self, error: WorkerRejected | WorkerThreadError) -> None:
        """Stop leasing: the server refused this worker permanently, or one of its threads ended."""
        self.error = self.error or error

    def run(self) -> None:
        """Lease tasks until `stop` is set."""
        failures = 0
        while not self._stop.is_set() and self.error is None:
            try:
                welcome = self._identity.ensure()
                leased = self._lease_any(welcome) if welcome else self._lease_from_best_job()
                if failures:
                    self._log.info("server is available again")
                failures = 0
            except (ApiStatusError, ApiConnectionError) as error:
                if isinstance(error, ApiStatusError):
                    if (signed_out := self._identity.get_rejection(error)) is not None:
                        self.fail(signed_out)
                        return
                    if self._identity.forget(error, ABSENT):
                        continue
                failures += 1
                self.touch()
                wait_s = min(self._poll_s * 2.0 ** min(failures, 10), LONGEST_WAIT_S)
                asked_s = min(getattr(error, "retry_after_s", None) or 0.0, LONGEST_ASKED_S)
                self._log.warning(
                    "cannot lease", reason=str(error), next_try_s=round(max(wait_s, asked_s), 1)
                )
                self._stop.wait(max(wait_s, asked_s) * _jitter())
                continue
            if not self._looked:
                self._looked = True
                self.touch()
            if not leased:
                self._stop.wait(self._poll_s * _jitter())

    def _lease_any(self, welcome: HelloResponse) -> bool:
        """Lease tasks of any job; return whether to ask again without a pause.

        That is the case if tasks were leased, or if the server has waited for tasks.
        """
        room = self._wait_for_room()
        if not room:
            return False
        # The first response shows whether there are tasks, so it must be fast.
        is_first = not self._looked
        wait_s = 0.0 if is_first else self._wait_s
        started = time.monotonic()
        tasks = self._api.lease_any_tasks(self._slugs, min(room, welcome.max_batch), wait_s)
        if tasks:
            self.touch()
            self._take(
                [
                    HeldLease(
                        task.job_id,
                        task.pipeline,
                        Task(**task.model_dump(include=set(Task.model_fields))),
                        task.config,
                        task.alone,
                    )
                    for task in tasks
                ]
            )
            if self._stop.is_set():
                self._identity.release()
        return bool(tasks) or is_first or time.monotonic() - started > max(wait_s / 2, FULL_WAIT_S)

    def _lease_from_best_job(self) -> bool:
        """Lease tasks of the best job; return whether there were any."""
        room = self._wait_for_room()
        if not room:
            return False
        jobs = [
            job
            for job in self._api.list_claimable_jobs(self._slugs)
            if job.pipeline_slug in self._slugs
        ]
        for job in jobs:
            leased = False
            while room:
                try:
                    tasks = self._api.lease_tasks(job.id, room)
                except ApiStatusError as refused:
                    if refused.status not in (404, 409):
                        raise
                    self._log.info("job does not exist", job=job.id, reason=str(refused))
                    self.touch()
                    break
                if not tasks:
                    break
                leased = True
                self.touch()
                self._take([HeldLease(job.id, job.pipeline_slug, task) for task in tasks])
                room = self._wait_for_room()
            if leased:
                return True
        return False

    def _wait_for_room(self) -> int:
        """Wait until more tasks are needed; return their number, or 0 if the worker stops."""
        while not self._stop.is_set():
            if room := self._find_room():
                return room
            self._stop.wait(FULL_WAIT_S)
        return 0


def _jitter() -> float:
    return 0.75 + random.random() / 2  # noqa: S311 - no secret


__all__ = ["HeldLease", "TaskLeaser", "WorkerRejected"]
