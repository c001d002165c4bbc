"""Identity of this process on the server: registration, lease renewal, and release at the end."""

import threading
import time
from collections.abc import Callable, Collection

from structlog.typing import FilteringBoundLogger

from trapline.client import ApiConnectionError, ApiStatusError, Trapline
from trapline.wire.tasks import LeaseState
from trapline.wire.workers import HelloRequest, HelloResponse, WorkerReport
from trapline.worker.held_leases import HeldLeases

ABSENT = (404, 405, 501)
"""Status codes of a server that supports only the five calls of the worker protocol."""
UNKNOWN = 409
"""Status code of the response to an unknown worker ID."""
RENEW_AGAIN_S = 5.0
LONGEST_IDLE_S = 1.0
REPORT_BEGUN_S = 1.0
"""A task that runs longer than this is reported before the next renewal is due.

Otherwise the server could give it to an idle worker, which would do the same work again.
"""


class WorkerRejected(Exception):
    """The server refused the token or the permissions, or ended this worker."""


class WorkerThreadError(Exception):
    """A thread of the worker ended with an unexpected error, so the worker cannot continue."""


class WorkerIdentity:
    """The worker's ID, if the server registers workers.

    `before` runs before each registration. A registration ends an earlier process of the same name
    and revokes its leases, so results of that process on disk must be posted first. Each renewal
    sends the report that `measure` returns.
    """

    def __init__(
        self,
        *,
        api: Trapline,
        hello: HelloRequest,
        holding: HeldLeases,
        log: FilteringBoundLogger,
        before: Callable[[], None] = lambda: None,
        measure: Callable[[], WorkerReport | None] = lambda: None,
    ) -> None:
        self._api = api
        self._hello = hello
        self._holding = holding
        self._log = log
        self._before = before
        self._measure = measure
        self._lock = threading.Lock()
        # A caller that ends the process must wait for a release that runs in another thread.
        self._release_lock = threading.Lock()
        self._welcome: HelloResponse | None = None
        self._absent = False

    @property
    def hello_response(self) -> HelloResponse | None:
        """The response to the registration.

        None before it, and if the server does not register workers.
        """
        return self._welcome

    def ensure(self) -> HelloResponse | None:
        """Register the worker if it is not registered.

        Return None if the server supports only the five calls of the worker protocol.
        """
        with self._lock:
            if self._welcome is None and not self._absent:
                self._before()
                try:
                    self._welcome = self._api.register_worker(self._hello)
                except ApiStatusError as refused:
                    if refused.status not in ABSENT:
                        raise
                    self._absent = True
                    self._log.debug(
                        "the server does not register workers; using the five calls of the worker "
                        "protocol"
                    )
                else:
                    self._api.set_worker_id(self._welcome.worker_id)
                    self._log.info(
                        "the server knows this worker",
                        worker=str(self._welcome.worker_id),
                        name=self._hello.name,
                    )
            return self._welcome

    def forget(self, refused: ApiStatusError, also: Collection[int] = ()) -> bool:
        """Discard the ID if the server refused a request because of it; the caller then retries.

        Return whether the ID was discarded.
        """
        with self._lock:
            if self._welcome is None or refused.status not in (UNKNOWN, *also):
                return False
            self._log.warning("the server no longer knows this worker", reason=str(refused))
            self._welcome = None
            self._api.set_worker_id(None)
            return True

    def get_rejection(self, refused: ApiStatusError) -> WorkerRejected | None:
        """Return the error to end with, if the server refused a request permanently."""
        if refused.status not in (401, 403):
            return None
        if refused.status == 403 and self._welcome is not None:
            return WorkerRejected(f"the server ended this worker: {refused}")
        return WorkerRejected(f"the server refuses the token: {refused}")

    def renew(self) -> None:
        """Renew the leases of this worker, and drop those whose results are no longer needed."""
        # First, because it may take seconds: the server gives tasks that are missing from the list
        # of begun ones to idle workers.
        report = self._measure()
        renewed = self._api.renew_leases(self._holding.list(), self._holding.list_begun(), report)
        ended = [lease for lease in renewed.leases if lease.status is not LeaseState.HELD]
        dropped = self._holding.discard(lease.reply_subject for lease in ended)
        if dropped:
            canceled = sum(lease.status is LeaseState.CANCELED for lease in ended)
            self._log.info(
                "tasks are dropped", tasks=dropped, canceled=canceled, lost=len(ended) - canceled
            )

    def keep_renewing(self, stop: threading.Event, fail: Callable[[WorkerRejected], None]) -> None:
        """Renew leases until `stop` is set; then release the leases that are not begun.

        `fail` is called if the server refuses the worker permanently.
        """
        wait_s = LONGEST_IDLE_S
        while not self._wait(stop, wait_s):
            welcome = self._welcome
            if welcome is None:
                wait_s = LONGEST_IDLE_S
                continue
            try:
                self.renew()
                wait_s = welcome.renew_s
            except ApiConnectionError:
                wait_s = min(RENEW_AGAIN_S, welcome.renew_s)
            except ApiStatusError as refused:
                wait_s = min(RENEW_AGAIN_S, welcome.renew_s)
                signed_out = self.get_rejection(refused)
                if signed_out is not None:
                    fail(signed_out)
                    return
                self.forget(refused, ABSENT)
        self.release()

    def _wait(self, stop: threading.Event, seconds: float) -> bool:
        """Wait until the next renewal; return whether `stop` is set."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if stop.wait(min(left, REPORT_BEGUN_S)):
                return True
            if self._welcome is not None and self._holding.has_unreported(REPORT_BEGUN_S):
                break
        return stop.is_set()

    def release(self, unsaved: Collection[str] = ()) -> None:
        """Release the leases that are not begun, and those whose results could not be saved.

        Wait for a release that runs in another thread.
        """
        with self._release_lock:
            self._holding.complete(unsaved)
            idle = [*self._holding.remove_idle(), *unsaved]
            if idle and self._welcome is not None:
                try:
                    self._log.info("tasks are released", tasks=self._api.release_leases(idle))
                except (ApiConnectionError, ApiStatusError) as error:
                    self._log.warning(
                        "tasks could not be released", tasks=len(idle), reason=str(error)
                    )

    def end(self, unsent: Collection[str] = ()) -> None:
        """End the registration and release all leases, except those of unsent results."""
        if self._welcome is None:
            return
        released = [subject for subject in self._holding.list() if subject not in unsent]
        try:
            self._api.release_leases(released, final=True, unsent=list(unsent))
        except (ApiConnectionError, ApiStatusError) as error:
            self._log.warning("the server did not receive the final request", reason=str(error))
