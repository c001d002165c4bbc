"""What one process remembers about the line, so that it asks less; forgetting it costs time and nothing else."""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

JOBS = 1000
CLASS_LISTS = 100
Name = TypeVar("Name")
Thing = TypeVar("Thing")


@dataclass
class Remembered:
    """For each job, the task behind which the line begins; and class lists, by their hash."""

    _marks: OrderedDict[int, UUID] = field(default_factory=OrderedDict)
    _labels: OrderedDict[bytes, list[str]] = field(default_factory=OrderedDict)

    def find_mark(self, job_id: int) -> UUID | None:
        """The last task that was leased in order: before it the line has only what came back."""
        return self._marks.get(job_id)

    def set_mark(self, job_id: int, mark: UUID | None) -> None:
        """Move a job's mark; None begins at the beginning again."""
        _put(self._marks, job_id, mark, JOBS)

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
