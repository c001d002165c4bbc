"""Posting of results in batches, with retries; unsent results are saved to disk."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from structlog.typing import FilteringBoundLogger

from trapline.client import ApiConnectionError, ApiStatusError, RetryPolicy, Trapline
from trapline.wire.results import Result, ResultsAccepted, Success
from trapline.worker.batching import build_failure
from trapline.worker.outbox import Outbox
from trapline.worker.progress import Progress

WAIT_S = 0.25
OUTBOX_EVERY_S = 5.0
FULLEST_OUTBOX = 200
MOST_SCORES = 100_000
"""Most scores in one request: about 2 MB of JSON."""

Item = tuple[int, Result]


@dataclass
class SaveReport:
    """The number of results saved to disk, and the leases of those that could not be saved."""

    saved: int = 0
    unsaved: list[str] = field(default_factory=list)
    reason: str = ""


class ResultPoster:
    """Posts results. `run` ends after `finish`, when every result is posted or saved to disk.

    `settle` is called with the leases whose results the server has or will never accept. `forget`
    returns whether a refusal concerned the worker's ID, so that the results may be accepted without
    it.
    """

    def __init__(
        self,
        *,
        api: Trapline,
        outbox: Outbox,
        batch_size: int,
        retry: RetryPolicy,
        log: FilteringBoundLogger,
        progress: Progress,
        outbox_every_s: float = OUTBOX_EVERY_S,
        settle: Callable[[Sequence[str]], None] = lambda _: None,
        forget: Callable[[ApiStatusError], bool] = lambda _: False,
    ) -> None:
        self._api = api
        self._outbox = outbox
        self._batch_size = batch_size
        self._retry = retry
        self._log = log
        self._progress = progress
        self._outbox_every_s = outbox_every_s
        # A result stays here until it is posted or on disk, so that `save` finds it at any time.
        self._waiting: deque[Item] = deque()
        self._changed = threading.Condition()
        self._finishing = threading.Event()
        self._saved = len(outbox)
        self._settle = settle
        self._forget = forget
        self._unsent_subjects: list[str] = []
        self._outbox_lock = threading.Lock()

    def put(self, job_id: int, result: Result) -> None:
        """Add a result to post."""
        with self._changed:
            self._waiting.append((job_id, result))
            self._changed.notify()

    def has_room(self) -> bool:
        """Return whether results are posted fast enough for more work."""
        return self._saved < FULLEST_OUTBOX and len(self._waiting) < 20 * self._batch_size

    def count_unsent(self) -> int:
        """Count the results that are neither posted nor saved to disk."""
        return len(self._waiting)

    def is_empty(self) -> bool:
        """Return whether every result is posted or saved to disk."""
        return not self._waiting

    def finish(self) -> None:
        """Post each remaining result once, and save to disk those that fail.

        No more results may be added.
        """
        self._finishing.set()

    def list_unsent(self) -> list[str]:
        """List the leases whose results are on disk."""
        with self._changed:
            return list(dict.fromkeys(self._unsent_subjects))

    def save(self) -> SaveReport:
        """Save all waiting results to disk immediately, before the process ends.

        Results that are being posted are saved, too: the server accepts repeated results.
        """
        with self._changed:
            waiting = list(self._waiting)
        by_job: dict[int, list[Result]] = {}
        for job_id, result in waiting:
            by_job.setdefault(job_id, []).append(result)
        report = SaveReport()
        for job_id, results in by_job.items():
            subjects = [result.reply_subject for result in results]
            try:
                self._outbox.save(job_id, results)
            except OSError as error:
                report.unsaved += subjects
                report.reason = str(error)
            else:
                report.saved += len(results)
                with self._changed:
                    self._unsent_subjects += subjects
        return report

    def run(self) -> None:
        """Post results until `finish` is called and none is left."""
        tried_at = time.monotonic() - self._outbox_every_s
        while True:
            if (
                self._saved
                and not self._finishing.is_set()
                and time.monotonic() - tried_at >= self._outbox_every_s
            ):
                self._retry_saved()
                tried_at = time.monotonic()
            job_id, results = self._wait_for_results()
            if results:
                with self._progress.stage("post"):
                    self._post(job_id, results)
                with self._changed:
                    for _ in results:
                        self._waiting.popleft()
            elif self._finishing.is_set():
                return

    def _wait_for_results(self) -> tuple[int, list[Result]]:
        """Return the first waiting results of one job, as many as one request may have."""
        with self._changed:
            if not self._waiting:
                self._changed.wait(WAIT_S)
            if not self._waiting:
                return 0, []
            first_job = self._waiting[0][0]
            results: list[Result] = []
            scores = 0
            for job_id, result in self._waiting:
                is_full = len(results) >= self._batch_size or scores >= MOST_SCORES
                if is_full or job_id != first_job:
                    break
                results.append(result)
                scores += _count_scores(result)
        return first_job, results

    def _post(self, job_id: int, results: Sequence[Result]) -> None:
        # One attempt is enough while the server is known to be unavailable, and at the end: results
        # are safe on disk.
        is_single_attempt = self._saved or self._finishing.is_set()
        retry = RetryPolicy(0, self._retry.backoff_s) if is_single_attempt else self._retry
        try:
            accepted = self._send(job_id, results, retry)
        except ApiConnectionError as error:
            self._save_unsent(job_id, results, str(error))
        except ApiStatusError as refused:
            if refused.is_transient or refused.status in (401, 403):
                self._save_unsent(job_id, results, str(refused))
            elif refused.status == 413:
                self._post_smaller(job_id, results)
            else:
                self._log.error(
                    "results refused", job=job_id, results=len(results), reason=str(refused)
                )
                self._progress.add(refused=len(results))
                self._settle([result.reply_subject for result in results])
        else:
            self._progress.add(posted=len(results))
            self._settle([result.reply_subject for result in results])
            for status in accepted.tasks:
                if status.status.startswith("rejected"):
                    self._log.error(
                        "result rejected", job=job_id, task=status.task_id, reason=status.status
                    )

    def _send(self, job_id: int, results: Sequence[Result], retry: RetryPolicy) -> ResultsAccepted:
        try:
            return self._api.post_results(job_id, results, retry)
        except ApiStatusError as refused:
            if not self._forget(refused):
                raise
            return self._api.post_results(job_id, results, retry)

    def _post_smaller(self, job_id: int, results: Sequence[Result]) -> None:
        if len(results) > 1:
            middle = len(results) // 2
            self._post(job_id, results[:middle])
            self._post(job_id, results[middle:])
        elif isinstance(results[0].result, Success):
            image_id = results[0].result.source_images[0].id
            failure = build_failure("the result is larger than the server accepts", image_id)
            self._post(
                job_id,
                [Result.model_construct(reply_subject=results[0].reply_subject, result=failure)],
            )
        else:
            self._log.error("result refused", job=job_id, reason="larger than the server accepts")
            self._settle([results[0].reply_subject])

    def _save_unsent(self, job_id: int, results: Sequence[Result], reason: str) -> None:
        path = self._outbox.save(job_id, results)
        self._saved = len(self._outbox)
        with self._changed:
            self._unsent_subjects += [result.reply_subject for result in results]
        self._log.warning(
            "results kept on disk", job=job_id, results=len(results), file=str(path), reason=reason
        )

    def send_saved(self) -> None:
        """Post the results that are saved on disk.

        Raises:
            ApiConnectionError: the server is unavailable.
        """
        once = RetryPolicy(0, self._retry.backoff_s)
        with self._outbox_lock:
            try:
                sent = self._outbox.send(lambda job_id, results: self._send(job_id, results, once))
                if sent:
                    self._progress.add(posted=sent)
                    self._log.info("results sent that were kept on disk", results=sent)
            except ApiStatusError as error:
                self._log.warning("results still kept on disk", reason=str(error))
            finally:
                self._saved = len(self._outbox)
        if not self._saved:
            with self._changed:
                settled, self._unsent_subjects = self._unsent_subjects, []
            self._settle(settled)

    def _retry_saved(self) -> None:
        try:
            self.send_saved()
        except ApiConnectionError as error:
            self._log.warning("results still kept on disk", reason=str(error))


def _count_scores(result: Result) -> int:
    if not isinstance(result.result, Success):
        return 1
    return sum(
        len(named.scores) + len(named.logits or ())
        for detection in result.result.detections
        for named in detection.classifications
    )
