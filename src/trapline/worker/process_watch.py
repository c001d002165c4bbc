"""A thread that ends the process when a model does not return, or when stopping takes too long.

A thread in native code cannot be stopped, so the whole process ends.
"""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from structlog.typing import FilteringBoundLogger

from trapline.worker.exit_codes import MODEL_HUNG
from trapline.worker.model_watch import ModelWatch, OverdueBatch
from trapline.worker.result_poster import ResultPoster, SaveReport
from trapline.worker.worker_identity import WorkerIdentity

WATCH_EVERY_S = 0.25
GOODBYE_S = 1.0
CLOSED_STREAM = (OSError, ValueError)
"""Errors of a log whose stream is closed; the process must end in order without its messages."""


class ProcessWatch:
    """Ends the process; results are saved to disk first, and tasks without a result are released.

    `get_exit_code` returns the exit code of a worker that stops too slowly.
    """

    def __init__(
        self,
        *,
        watch: ModelWatch,
        stop: threading.Event,
        stop_timeout_s: float,
        poster: ResultPoster,
        identity: WorkerIdentity,
        log: FilteringBoundLogger,
        get_exit_code: Callable[[], int],
        exit_now: Callable[[int], None] = os._exit,
    ) -> None:
        self._watch = watch
        self._stop = stop
        self._stop_s = stop_timeout_s - 0.5 - min(GOODBYE_S, stop_timeout_s / 4)
        self._poster = poster
        self._identity = identity
        self._log = log
        self._get_exit_code = get_exit_code
        self._exit_now = exit_now
        self._ended = threading.Event()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Watch for the duration of the block."""
        watcher = threading.Thread(target=self._keep_watch, name="watch", daemon=True)
        watcher.start()
        try:
            yield
        finally:
            self._ended.set()
            watcher.join()

    def _keep_watch(self) -> None:
        stopping_since: float | None = None
        while not self._ended.wait(WATCH_EVERY_S):
            if self._stop.is_set() and stopping_since is None:
                stopping_since = time.monotonic()
                self._print(self._log.info, "stopping")
            if stopping_since is not None and time.monotonic() - stopping_since > self._stop_s:
                self._end(self._get_exit_code(), self._leave)
                return
            if (overdue := self._watch.find_overdue()) is not None:
                self._end(MODEL_HUNG, lambda: self._abandon(overdue))
                return

    def _end(self, code: int, prepare: Callable[[], None]) -> None:
        """End the process in any case: nothing else ends it if this thread fails."""
        try:
            prepare()
        finally:
            for stream in (sys.stdout, sys.stderr):
                with suppress(*CLOSED_STREAM):
                    stream.flush()
            self._exit_now(code)

    def _leave(self) -> None:
        kept = self._save().saved
        answered = _finish_within(GOODBYE_S, lambda: self._identity.end(self._poster.list_unsent()))
        self._print(self._log.warning, "stopped before all work was done", kept_on_disk=kept)
        if not answered:
            self._print(self._log.warning, "the server did not answer the final request in time")

    def _abandon(self, overdue: OverdueBatch) -> None:
        report = self._save()
        # Only the images of this batch may count as lost: no more tasks are leased, and those whose
        # results are not on disk are released, too.
        self._stop.set()
        answered = _finish_within(GOODBYE_S, lambda: self._identity.release(report.unsaved))
        self._print(
            self._log.error,
            "the model did not return",
            pipeline=overdue.slug,
            images=overdue.images,
            seconds=round(overdue.seconds, 1),
            allowed_s=round(overdue.allowed_s, 1),
            kept_on_disk=report.saved,
        )
        if not answered:
            self._print(self._log.warning, "the server did not answer the release of tasks in time")

    def _save(self) -> SaveReport:
        """Save the results that are not posted, if the disk accepts them."""
        report = self._poster.save()
        if report.unsaved:
            self._print(
                self._log.error,
                "results could not be saved; their images are analysed again",
                results=len(report.unsaved),
                reason=report.reason,
            )
        return report

    @staticmethod
    def _print(log: Callable[..., object], event: str, **values: object) -> None:
        with suppress(*CLOSED_STREAM):
            log(event, **values)


def _finish_within(seconds: float, call: Callable[[], None]) -> bool:
    """Return whether a request to the server ends within `seconds`."""

    def run() -> None:
        with suppress(*CLOSED_STREAM):
            call()

    calling = threading.Thread(target=run, daemon=True)
    calling.start()
    calling.join(seconds)
    return not calling.is_alive()
