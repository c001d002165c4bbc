"""Posting of results in batches, with retries; unsent results are saved to disk."""

import queue
import threading
import time
from collections.abc import Callable, Sequence

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
        self._results: queue.Queue[Item] = queue.Queue()
        self._next: Item | None = None
        self._unsent = 0
        self._lock = threading.Lock()
        self._finishing = threading.Event()
        self._saved = len(outbox)
        self._settle = settle
        self._forget = forget
        self._unsent_subjects: list[str] = []
        self._outbox_lock = threading.Lock()

    def put(self, job_id: int, result: Result) -> None:
        """Add a result to post."""
        with self._lock:
            self._unsent += 1
        self._results.put((job_id, result))

    def has_room(self) -> bool:
        """Return whether results are posted fast enough for more work."""
        return self._saved < FULLEST_OUTBOX and self._unsent < 20 * self._batch_size

    def count_unsent(self) -> int:
        """Count the results that are neither posted nor saved to disk."""
        return self._unsent

    def is_empty(self) -> bool:
        """Return whether every result is posted or saved to disk."""
        return self._unsent == 0

    def finish(self) -> None:
        """Post each remaining result once, and save to disk those that fail.

        No more results may be added.
        """
        self._finishing.set()

    def list_unsent(self) -> list[str]:
        """List the leases whose results are on disk."""
        with self._lock:
            return list(self._unsent_subjects)

    def save(self) -> int:
        """Save all waiting results to disk immediately, at the deadline; return their number."""
        by_job: dict[int, list[Result]] = {}
        while True:
            try:
                job_id, result = self._results.get_nowait()
            except queue.Empty:
                break
            by_job.setdefault(job_id, []).append(result)
        for job_id, results in by_job.items():
            self._outbox.save(job_id, results)
            with self._lock:
                self._unsent_subjects += [result.reply_subject for result in results]
        return sum(map(len, by_job.values()))

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
            job_id, results = self._next_results()
            if results:
                with self._progress.stage("post"):
                    self._post(job_id, results)
                with self._lock:
                    self._unsent -= len(results)
            elif self._finishing.is_set():
                return

    def _next_results(self) -> tuple[int, list[Result]]:
        """Return the waiting results of one job, as many as one request may have."""
        item = self._next
        self._next = None
        if item is None:
            try:
                item = self._results.get(timeout=WAIT_S)
            except queue.Empty:
                return 0, []
        job_id, first = item
        results, scores = [first], _count_scores(first)
        while len(results) < self._batch_size and scores < MOST_SCORES:
            try:
                item = self._results.get_nowait()
            except queue.Empty:
                break
            if item[0] != job_id:
                self._next = item
                break
            results.append(item[1])
            scores += _count_scores(item[1])
        return job_id, results

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
        with self._lock:
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
            with self._lock:
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
