"""What one process remembers about the line, so that it asks less; forgetting it costs time and nothing else."""

import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

JOBS = 1000
MARK_S = 10.0
CLASS_LISTS = 100
Name = TypeVar("Name")
Thing = TypeVar("Thing")


@dataclass
class Remembered:
    """For each job, the task behind which the line begins; and class lists, by their hash."""

    _marks: OrderedDict[int, tuple[UUID, float]] = field(default_factory=OrderedDict)
    _labels: OrderedDict[bytes, list[str]] = field(default_factory=OrderedDict)

    def find_mark(self, job_id: int) -> UUID | None:
        """The last task that was leased in order: before it the line has only what came back.

        None every ten seconds, so that what came back does not wait until the end of the line.
        """
        mark, since = self._marks.get(job_id, (None, 0.0))
        return mark if time.monotonic() - since < MARK_S else None

    def set_mark(self, job_id: int, mark: UUID | None) -> None:
        """Move a job's mark; None begins at the beginning again."""
        _, since = self._marks.get(job_id, (None, 0.0))
        now = time.monotonic()
        _put(self._marks, job_id, (mark, since if now - since < MARK_S else now) if mark else None, JOBS)

    def find_labels(self, sha256: bytes) -> list[str] | None:
        """The class list with this hash, if it was asked for lately."""
        return self._labels.get(sha256)

    def keep_labels(self, sha256: bytes, labels: list[str]) -> None:
        """Remember a class list."""
        _put(self._labels, sha256, labels, CLASS_LISTS)


def _put(kept: OrderedDict[Name, Thing], name: Name, thing: Thing | None, at_most: int) -> None:
    kept.pop(name, None)
    if thing is not None:
        kept[name] = thing
    while len(kept) > at_most:
        kept.popitem(last=False)
