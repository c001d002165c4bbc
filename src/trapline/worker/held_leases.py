"""Leases that a worker holds, from the lease request until the server has the result."""

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from trapline.wire.tasks import Task


@dataclass(frozen=True)
class HeldLease:
    """A leased task of a job; `config` contains the parameters of the job.

    A task that is `alone` may have ended the worker that leased it before. The worker holds no
    other lease while it runs such a task.
    """

    job_id: int
    slug: str
    task: Task
    config: dict[str, Any] = field(default_factory=dict)
    alone: bool = False

    @property
    def lease_token(self) -> str:
        """The token of the lease."""
        return self.task.reply_subject


class HeldLeases:
    """The leases that this worker holds, by token. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[str, bool] = {}
        self._dropped: set[str] = set()
        self._unreported: dict[str, float] = {}

    def add(self, leases: Iterable[HeldLease]) -> None:
        """Add new leases."""
        with self._lock:
            self._held.update((lease.lease_token, False) for lease in leases)

    def begin(self, lease: HeldLease) -> bool:
        """Mark a lease as begun; return False if its result is no longer needed."""
        with self._lock:
            if lease.lease_token in self._dropped or lease.lease_token not in self._held:
                return False
            self._held[lease.lease_token] = True
            self._unreported[lease.lease_token] = time.monotonic()
            return True

    def is_active(self, lease: HeldLease) -> bool:
        """Return whether the result of a lease is still needed."""
        with self._lock:
            return lease.lease_token in self._held and lease.lease_token not in self._dropped

    def complete(self, subjects: Iterable[str]) -> None:
        """Remove leases whose results the server has, will never accept, or never receives."""
        with self._lock:
            for subject in subjects:
                self._held.pop(subject, None)
                self._dropped.discard(subject)
                self._unreported.pop(subject, None)

    def discard(self, subjects: Iterable[str]) -> int:
        """Mark leases whose results are no longer needed; return how many of them were not begun.

        Leases that are begun stay: their results are posted.
        """
        with self._lock:
            idle = [subject for subject in subjects if self._held.get(subject) is False]
            new = [subject for subject in idle if subject not in self._dropped]
            self._dropped.update(idle)
            return len(new)

    def remove_idle(self) -> list[str]:
        """Remove and return the leases that are not begun."""
        with self._lock:
            idle = [subject for subject, begun in self._held.items() if not begun]
            for subject in idle:
                del self._held[subject]
                self._dropped.discard(subject)
            return idle

    def has_unreported(self, seconds: float) -> bool:
        """Return whether a lease begun this long ago was in no list of begun leases."""
        with self._lock:
            oldest = min(self._unreported.values(), default=None)
            return oldest is not None and time.monotonic() - oldest >= seconds

    def list_begun(self) -> list[str]:
        """List the begun leases, also those whose results are no longer needed."""
        with self._lock:
            self._unreported.clear()
            return [subject for subject, begun in self._held.items() if begun]

    def list(self) -> list[str]:
        """List the leases whose results are still needed."""
        with self._lock:
            return [subject for subject in self._held if subject not in self._dropped]
