"""Cache of queue data in one process, to save queries; it may be cleared at any time."""

import time
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

JOBS = 1000
MARK_S = 10.0
CALLERS = 20_000
CONNECTION_S = 120.0
Name = TypeVar("Name")
Thing = TypeVar("Thing")


@dataclass
class LeaseCache:
    """The low-water marks of jobs, the holder IDs and last contacts of callers, and connections.

    The key of a caller is its worker ID, or its API token, address and User-Agent with the number
    of its process.
    """

    _marks: OrderedDict[int, tuple[UUID, float]] = field(default_factory=OrderedDict)
    _holders: OrderedDict[tuple[Hashable, int], int] = field(default_factory=OrderedDict)
    _heard: OrderedDict[Hashable, float] = field(default_factory=OrderedDict)
    _callers: OrderedDict[int, Hashable] = field(default_factory=OrderedDict)
    _processes: OrderedDict[Hashable, tuple[int, float]] = field(default_factory=OrderedDict)
    _pending: OrderedDict[Hashable, bool] = field(default_factory=OrderedDict)

    def get_low_water_mark(self, job_id: int) -> UUID | None:
        """Return the last task that was leased in order; before it are only returned tasks.

        Return None every ten seconds, so that returned tasks do not wait for the end of the queue.
        """
        mark, since = self._marks.get(job_id, (None, 0.0))
        return mark if time.monotonic() - since < MARK_S else None

    def set_low_water_mark(self, job_id: int, mark: UUID | None) -> None:
        """Set the mark of a job; None starts at the beginning of the queue."""
        _, since = self._marks.get(job_id, (None, 0.0))
        now = time.monotonic()
        _put(
            self._marks,
            job_id,
            (mark, since if now - since < MARK_S else now) if mark else None,
            JOBS,
        )

    def get_holder(self, caller: Hashable, job_id: int) -> int | None:
        """Return the holder ID of a caller in a job."""
        return self._holders.get((caller, job_id))

    def set_holder(self, caller: Hashable, job_id: int, holder_id: int) -> None:
        """Store the holder ID of a caller in a job."""
        _put(self._holders, (caller, job_id), holder_id, CALLERS)
        _put(self._callers, holder_id, caller, CALLERS)

    def get_caller(self, holder_id: int) -> Hashable | None:
        """Return the key of the caller of a holder."""
        return self._callers.get(holder_id)

    def set_caller(self, holder_id: int, caller: Hashable) -> None:
        """Store the key of the caller of a holder."""
        _put(self._callers, holder_id, caller, CALLERS)

    def get_process(self, connection: Hashable) -> int | None:
        """Return the process of a connection that was used in the last minutes."""
        process, used_at = self._processes.get(connection, (None, 0.0))
        if process is None or time.monotonic() - used_at > CONNECTION_S:
            return None
        return process

    def set_process(self, connection: Hashable, process: int) -> None:
        """Store the process of a connection."""
        _put(self._processes, connection, (process, time.monotonic()), CALLERS)

    def clear_processes(self) -> None:
        """Clear the processes of connections."""
        self._processes.clear()

    def set_pending(self, process: Hashable) -> None:
        """Record that a process was given a job."""
        _put(self._pending, process, True, CALLERS)

    def take_pending(self, process: Hashable) -> bool:
        """Return whether a process was given a job since the last call."""
        return self._pending.pop(process, False)

    def has_recent_contact(self, of: Hashable, every_s: float) -> bool:
        """Return whether this process stored a contact within `every_s` seconds."""
        return time.monotonic() - self._heard.get(of, -every_s) < every_s

    def record_contact(self, of: Hashable) -> None:
        """Record that a contact was stored."""
        _put(self._heard, of, time.monotonic(), CALLERS)

    def clear_callers(self) -> None:
        """Clear the holders and contacts, so that they are read from the database."""
        self._holders.clear()
        self._heard.clear()
        self._callers.clear()


def _put(kept: OrderedDict[Name, Thing], name: Name, thing: Thing | None, at_most: int) -> None:
    kept.pop(name, None)
    if thing is not None:
        kept[name] = thing
    while len(kept) > at_most:
        kept.popitem(last=False)
