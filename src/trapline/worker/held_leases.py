"""What a worker has in hand, from the lease to the answer that reached the server."""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from trapline.wire.tasks import Task


@dataclass(frozen=True)
class HeldLease:
    """A task in our hands, of a job of a pipeline; `config` are the job's parameters.

    One that goes `alone` may be what ended the worker that had it before: nothing else should be in
    hand with it.
    """

    job_id: int
    slug: str
    task: Task
    config: dict[str, Any] = field(default_factory=dict)
    alone: bool = False

    @property
    def lease_token(self) -> str:
        """Its lease token."""
        return self.task.reply_subject


class HeldLeases:
    """The leases in hand, by their tokens. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[str, bool] = {}
        self._dropped: set[str] = set()

    def add(self, leases: Iterable[HeldLease]) -> None:
        """They are ours now."""
        with self._lock:
            self._held.update((lease.lease_token, False) for lease in leases)

    def begin(self, lease: HeldLease) -> bool:
        """Begin to work on it for good; False where there is no more use in that."""
        with self._lock:
            if lease.lease_token in self._dropped or lease.lease_token not in self._held:
                return False
            self._held[lease.lease_token] = True
            return True

    def is_active(self, lease: HeldLease) -> bool:
        """Whether there is still use in it."""
        with self._lock:
            return lease.lease_token in self._held and lease.lease_token not in self._dropped

    def complete(self, subjects: Sequence[str]) -> None:
        """The server has the answer, or will never want it."""
        with self._lock:
            for subject in subjects:
                self._held.pop(subject, None)
                self._dropped.discard(subject)

    def discard(self, subjects: Iterable[str]) -> int:
        """There is no more use in these; answers how many were not begun.

        What is begun is answered all the same.
        """
        with self._lock:
            idle = [subject for subject in subjects if self._held.get(subject) is False]
            new = [subject for subject in idle if subject not in self._dropped]
            self._dropped.update(idle)
            return len(new)

    def remove_idle(self) -> list[str]:
        """Take everything out of hand that nobody has begun to work on."""
        with self._lock:
            idle = [subject for subject, begun in self._held.items() if not begun]
            for subject in idle:
                del self._held[subject]
                self._dropped.discard(subject)
            return idle

    def list_begun(self) -> list[str]:
        """What is in hand and begun; it is answered all the same when there is no more use in it."""
        with self._lock:
            return [subject for subject, begun in self._held.items() if begun]

    def list(self) -> list[str]:
        """What is in hand and still of use."""
        with self._lock:
            return [subject for subject in self._held if subject not in self._dropped]
