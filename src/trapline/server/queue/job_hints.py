"""Hints about jobs that changed: they wake waiting callers of this process and of other ones.

A hint says which rows to read. Losing hints delays a caller until its process polls again.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from trapline.server.queue.queries.job_counters import TASKS

WAITING_AT_MOST = 10_000


@dataclass(frozen=True)
class HintOutage:
    """Since when this process exchanges no hints with the others, and why."""

    since: datetime
    reason: str


class JobHints:
    """The receivers of hints in this process, and the hints to send to other processes.

    `is_connected` is set while other processes can send hints to this one; `outage` otherwise, if
    a NATS server is set.
    """

    def __init__(self) -> None:
        self.task_receivers: list[Callable[[], None]] = []
        self.job_receivers: list[Callable[[int], None]] = []
        self.is_connected = False
        self.outage: HintOutage | None = None
        self.added = asyncio.Event()
        self._waiting: dict[tuple[str, int], None] = {}

    def announce(self, kind: str, job_id: int) -> None:
        """Receive a change that this process committed, and send it to the others."""
        self.receive(kind, job_id)
        if self.is_connected and len(self._waiting) < WAITING_AT_MOST:
            self._waiting[kind, job_id] = None
            self.added.set()

    def receive(self, kind: str, job_id: int) -> None:
        """Wake the callers of this process that wait for such a change."""
        if kind == TASKS:
            for wake in self.task_receivers:
                wake()
        for wake_job in self.job_receivers:
            wake_job(job_id)

    def take(self) -> list[tuple[str, int]]:
        """Return the hints to send, each once, and remove them."""
        self.added.clear()
        taken = list(self._waiting)
        self._waiting.clear()
        return taken
