"""Who this process is to the server: it says hello, keeps what it holds, and gives it back when it ends."""

import threading
from collections.abc import Callable, Collection

from structlog.typing import FilteringBoundLogger

from trapline.client import ApiConnectionError, ApiStatusError, Trapline
from trapline.wire.tasks import LeaseState
from trapline.wire.workers import HelloRequest, HelloResponse
from trapline.worker.held_leases import HeldLeases

ABSENT = (404, 405, 501)
"""What a server answers that knows the five calls only."""
UNKNOWN = 409
"""What a server answers to an id that it does not know."""
RENEW_AGAIN_S = 5.0
LONGEST_IDLE_S = 1.0


class WorkerRejected(Exception):
    """The server does not know the token, does not let it work, or ended this worker."""


class WorkerIdentity:
    """The worker's id, where the server gives ids. `before` runs before each hello that has to be
    said.

    A hello ends an earlier process of the same name and voids what it held: results of it that are
    still on disk are to be sent before that.
    """

    def __init__(
        self,
        *,
        api: Trapline,
        hello: HelloRequest,
        holding: HeldLeases,
        log: FilteringBoundLogger,
        before: Callable[[], None] = lambda: None,
    ) -> None:
        self._api = api
        self._hello = hello
        self._holding = holding
        self._log = log
        self._before = before
        self._lock = threading.Lock()
        # A caller that ends the process must not overtake a call of another thread.
        self._release_lock = threading.Lock()
        self._welcome: HelloResponse | None = None
        self._absent = False

    @property
    def hello_response(self) -> HelloResponse | None:
        """What the server answered to the hello; None before, and where it knows none."""
        return self._welcome

    def ensure(self) -> HelloResponse | None:
        """Say hello unless it is said; None where the server knows the five calls only."""
        with self._lock:
            if self._welcome is None and not self._absent:
                self._before()
                try:
                    self._welcome = self._api.register_worker(self._hello)
                except ApiStatusError as refused:
                    if refused.status not in ABSENT:
                        raise
                    self._absent = True
                    self._log.debug("the server gives workers no id; the five calls are used")
                else:
                    self._api.set_worker_id(self._welcome.worker_id)
                    self._log.info(
                        "the server knows this worker",
                        worker=str(self._welcome.worker_id),
                        name=self._hello.name,
                    )
            return self._welcome

    def forget(self, refused: ApiStatusError, also: Collection[int] = ()) -> bool:
        """Whether a call was refused because of the id, so that it may succeed after another hello."""
        with self._lock:
            if self._welcome is None or refused.status not in (UNKNOWN, *also):
                return False
            self._log.warning("the server does not know this worker any more", reason=str(refused))
            self._welcome = None
            self._api.set_worker_id(None)
            return True

    def get_rejection(self, refused: ApiStatusError) -> WorkerRejected | None:
        """What to end with, where a call was refused for good."""
        if refused.status not in (401, 403):
            return None
        if refused.status == 403 and self._welcome is not None:
            return WorkerRejected(f"the server ended this worker: {refused}")
        return WorkerRejected(f"the server refuses the token: {refused}")

    def renew(self) -> None:
        """Tell the server what is in hand, and drop what is no longer of use."""
        renewed = self._api.renew_leases(self._holding.list(), self._holding.list_begun())
        gone = [lease for lease in renewed.leases if lease.status is not LeaseState.HELD]
        dropped = self._holding.discard(lease.reply_subject for lease in gone)
        if dropped:
            canceled = sum(lease.status is LeaseState.CANCELED for lease in gone)
            self._log.info(
                "tasks are dropped", tasks=dropped, canceled=canceled, lost=len(gone) - canceled
            )

    def keep_renewing(self, stop: threading.Event, fail: Callable[[WorkerRejected], None]) -> None:
        """Renew until told to stop; then give back what is not begun, at once.

        `fail` is told of a refusal for good.
        """
        wait_s = LONGEST_IDLE_S
        while not stop.wait(wait_s):
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

    def release(self) -> None:
        """Give back what is not begun. Returns when no other thread is doing so either."""
        with self._release_lock:
            idle = self._holding.remove_idle()
            if idle and self._welcome is not None:
                try:
                    self._log.info("tasks are given back", tasks=self._api.release_leases(idle))
                except (ApiConnectionError, ApiStatusError) as error:
                    self._log.warning(
                        "tasks are not given back", tasks=len(idle), reason=str(error)
                    )

    def end(self, unsent: Collection[str] = ()) -> None:
        """End the id: everything in hand goes back, but for results that are still to be sent."""
        if self._welcome is None:
            return
        given = [subject for subject in self._holding.list() if subject not in unsent]
        try:
            self._api.release_leases(given, final=True, unsent=list(unsent))
        except (ApiConnectionError, ApiStatusError) as error:
            self._log.warning("the server heard no goodbye", reason=str(error))
