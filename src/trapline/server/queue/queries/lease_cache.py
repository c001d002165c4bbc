"""What one process remembers about the line, so that it asks less; forgetting it costs time and nothing else."""

import time
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

JOBS = 1000
MARK_S = 10.0
CALLERS = 20_000
Name = TypeVar("Name")
Thing = TypeVar("Thing")


@dataclass
class LeaseCache:
    """For each job, the task behind which the line begins; which holder a caller is, and when its
    contact was written.

    A caller is a worker's id, or an API token, address and User-Agent.
    """

    _marks: OrderedDict[int, tuple[UUID, float]] = field(default_factory=OrderedDict)
    _holders: OrderedDict[tuple[Hashable, int], int] = field(default_factory=OrderedDict)
    _heard: OrderedDict[Hashable, float] = field(default_factory=OrderedDict)

    def get_low_water_mark(self, job_id: int) -> UUID | None:
        """The last task that was leased in order: before it the line has only what came back.

        None every ten seconds, so that what came back does not wait until the end of the line.
        """
        mark, since = self._marks.get(job_id, (None, 0.0))
        return mark if time.monotonic() - since < MARK_S else None

    def set_low_water_mark(self, job_id: int, mark: UUID | None) -> None:
        """Move a job's mark; None begins at the beginning again."""
        _, since = self._marks.get(job_id, (None, 0.0))
        now = time.monotonic()
        _put(
            self._marks,
            job_id,
            (mark, since if now - since < MARK_S else now) if mark else None,
            JOBS,
        )

    def get_holder(self, caller: Hashable, job_id: int) -> int | None:
        """Which holder a caller is in a job."""
        return self._holders.get((caller, job_id))

    def set_holder(self, caller: Hashable, job_id: int, holder_id: int) -> None:
        """Remember which holder a caller is in a job."""
        _put(self._holders, (caller, job_id), holder_id, CALLERS)

    def has_recent_contact(self, of: Hashable, every_s: float) -> bool:
        """Whether this process wrote a sign of life within `every_s` seconds."""
        return time.monotonic() - self._heard.get(of, -every_s) < every_s

    def record_contact(self, of: Hashable) -> None:
        """Remember that a sign of life is written."""
        _put(self._heard, of, time.monotonic(), CALLERS)

    def clear_callers(self) -> None:
        """Ask the database again who is who, and when each was heard from."""
        self._holders.clear()
        self._heard.clear()


def _put(kept: OrderedDict[Name, Thing], name: Name, thing: Thing | None, at_most: int) -> None:
    kept.pop(name, None)
    if thing is not None:
        kept[name] = thing
    while len(kept) > at_most:
        kept.popitem(last=False)
