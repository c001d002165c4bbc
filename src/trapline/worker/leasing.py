"""Leasing: which jobs have something to do, and taking it."""

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from structlog.typing import FilteringBoundLogger

from trapline.client import ServerRefused, ServerUnreachable, Trapline
from trapline.wire.tasks import Task

FULL_WAIT_S = 0.02
LONGEST_WAIT_S = 30.0


@dataclass(frozen=True)
class Lease:
    """A task in our hands, of a job of a pipeline."""

    job_id: int
    slug: str
    task: Task


class SignedOut(Exception):
    """The server does not know the token, or does not let it work."""


class Leaser:
    """Asks for jobs, drains the first of them, and asks again; only as long as more is wanted.

    `error` is set, and `run` ends, when the token is refused: nothing but a person can help then.
    """

    def __init__(
        self,
        *,
        api: Trapline,
        slugs: Sequence[str],
        batch_size: int,
        wanted: Callable[[], bool],
        take: Callable[[Sequence[Lease]], None],
        poll_s: float,
        stop: threading.Event,
        log: FilteringBoundLogger,
    ) -> None:
        self._api = api
        self._slugs = slugs
        self._batch_size = batch_size
        self._wanted = wanted
        self._take = take
        self._poll_s = poll_s
        self._stop = stop
        self._log = log
        self._last_task = time.monotonic()
        self._looked = False
        self.error: SignedOut | None = None

    def seconds_without_task(self) -> float:
        """How long the server has been saying that there is nothing; a server that does not answer says nothing."""
        return time.monotonic() - self._last_task if self._looked else 0.0

    def touch(self) -> None:
        """Something may still be to do."""
        self._last_task = time.monotonic()

    def run(self) -> None:
        """Lease until told to stop."""
        failures = 0
        while not self._stop.is_set():
            try:
                leased = self._lease_from_best_job()
                if failures:
                    self._log.info("server answers again")
                failures = 0
            except (ServerRefused, ServerUnreachable) as error:
                if isinstance(error, ServerRefused) and error.status in (401, 403):
                    self.error = SignedOut(f"the server refuses the token: {error}")
                    return
                failures += 1
                self.touch()
                wait_s = min(self._poll_s * 2.0 ** min(failures, 10), LONGEST_WAIT_S)
                asked_s = getattr(error, "retry_after_s", None) or 0.0
                self._log.warning("cannot lease", reason=str(error), next_try_s=round(max(wait_s, asked_s), 1))
                self._stop.wait(max(wait_s, asked_s) * _jitter())
                continue
            if not self._looked:
                self._looked = True
                self.touch()
            if not leased:
                self._stop.wait(self._poll_s * _jitter())

    def _lease_from_best_job(self) -> bool:
        """Whether anything was leased."""
        self._wait_until_wanted()
        if self._stop.is_set():
            return False
        jobs = [job for job in self._api.list_claimable_jobs(self._slugs) if job.pipeline_slug in self._slugs]
        for job in jobs:
            leased = False
            while not self._stop.is_set():
                try:
                    tasks = self._api.lease_tasks(job.id, self._batch_size)
                except ServerRefused as refused:
                    if refused.status not in (404, 409):
                        raise
                    self._log.info("job is gone", job=job.id, reason=str(refused))
                    self.touch()
                    break
                if not tasks:
                    break
                leased = True
                self.touch()
                self._take([Lease(job.id, job.pipeline_slug, task) for task in tasks])
                self._wait_until_wanted()
            if leased:
                return True
        return False

    def _wait_until_wanted(self) -> None:
        while not self._stop.is_set() and not self._wanted():
            self._stop.wait(FULL_WAIT_S)


def _jitter() -> float:
    return 0.75 + random.random() / 2  # noqa: S311 - no secret
