"""The embedded PostgreSQL of `trapline up`, which is restarted whenever it ends."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

from trapline.cli.supervisor import (
    Event,
    ProcessExited,
    Restarted,
    Supervisor,
    count_failures,
    describe_end,
    describe_pause,
    pause_after,
)
from trapline.server.platform.postgres.data_folder import EngineError
from trapline.server.platform.postgres.postgres import Postgres, start_postgres, stop_postgres

LONGEST_PAUSE_S = 5.0
"""Shorter than for other programs, so that writes work within 10 s after a full disk has space."""
START_WITHIN_S = 600.0
"""PostgreSQL may replay its log after a crash. Killing it restarts the replay."""
SHOWN_LINES = 3


class EmbeddedDatabase:
    """The PostgreSQL of a data folder, started by the constructor and restarted by events.

    The constructor waits until PostgreSQL accepts connections, at most START_WITHIN_S, and raises
    EngineError if it cannot start. `handle` restarts it in a thread, so that the supervisor can
    restart other programs meanwhile; failed restarts are repeated.
    """

    def __init__(self, folder: Path, supervisor: Supervisor, report: Callable[[str], None]) -> None:
        self._folder, self._supervisor, self._report = folder, supervisor, report
        self._stopping = threading.Event()
        self._starting: threading.Thread | None = None
        self._failures = 0
        self.postgres: Postgres = start_postgres(folder, timeout_s=START_WITHIN_S)
        self._ready_at = time.monotonic()
        supervisor.watch(self.postgres.process)

    def handle(self, event: Event) -> bool:
        """Restart PostgreSQL if the event is its end; return whether it has been restarted."""
        if (
            isinstance(event, ProcessExited)
            and event.process is self.postgres.process
            and self._starting is None
        ):
            self._failures = count_failures(time.monotonic() - self._ready_at, self._failures)
            pause = pause_after(self._failures, LONGEST_PAUSE_S)
            self._report(
                f"PostgreSQL {describe_end(event.process.returncode)}. {describe_pause(pause)}"
            )
            self._starting = threading.Thread(
                target=self._restart_until_ready, args=[pause], name="start PostgreSQL"
            )
            self._starting.start()
        if isinstance(event, Restarted) and event.process is self.postgres.process:
            self._starting = None
            self._report("PostgreSQL runs again.")
            self._supervisor.watch(event.process)
            return True
        return False

    def restart(self) -> None:
        """Restart PostgreSQL in the calling thread and wait for it. Raises EngineError."""
        self.postgres = start_postgres(self._folder, timeout_s=START_WITHIN_S)
        self._ready_at = time.monotonic()
        self._supervisor.watch(self.postgres.process)

    def stop(self, patience_s: float) -> None:
        """Stop PostgreSQL, also during a restart."""
        self._stopping.set()
        if self._starting is not None:
            self._starting.join()
        stop_postgres(self.postgres, patience_s)

    def _restart_until_ready(self, pause_s: float) -> None:
        while not self._stopping.wait(pause_s):
            try:
                self.postgres = start_postgres(
                    self._folder, timeout_s=START_WITHIN_S, stopping=self._stopping
                )
            except (EngineError, OSError) as error:
                if self._stopping.is_set():
                    return
                self._failures += 1
                pause_s = pause_after(self._failures, LONGEST_PAUSE_S)
                reason = "\n".join(str(error).strip().splitlines()[-SHOWN_LINES:])
                self._report(
                    f"PostgreSQL did not start. {describe_pause(pause_s)} Requests that need it "
                    "get 503 until then. "
                    f"The reason: {reason}"
                )
            else:
                self._ready_at = time.monotonic()
                self._supervisor.post(Restarted(self.postgres.process))
                return
