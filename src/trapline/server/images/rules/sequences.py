"""Rules that split images into sequences by time and merge new sequences with stored ones."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, TypeVar

Key = TypeVar("Key")


@dataclass
class SequenceSpan(Generic[Key]):
    """A time span with its new images; `known` has the stored sequences that it includes."""

    start: datetime
    end: datetime
    images: list[Key] = field(default_factory=list)
    known: list[Key] = field(default_factory=list)


def split_sequences(
    images: Iterable[tuple[Key, datetime]], gap_s: float
) -> list[SequenceSpan[Key]]:
    """Split images, ordered by time, wherever two neighbours are a gap or more apart."""
    found: list[SequenceSpan[Key]] = []
    for key, at in images:
        if found and at - found[-1].end < timedelta(seconds=gap_s):
            found[-1].images.append(key)
            found[-1].end = at
        else:
            found.append(SequenceSpan(at, at, [key]))
    return found


def merge_sequences(
    new: Sequence[SequenceSpan[Key]], old: Sequence[SequenceSpan[Key]], gap_s: float
) -> list[SequenceSpan[Key]]:
    """Merge new spans with stored ones closer than the gap; return those with new images."""
    joined: list[SequenceSpan[Key]] = []
    for one in sorted([*new, *old], key=lambda stretch: stretch.start):
        last = joined[-1] if joined else None
        # Two stored spans are not merged with each other, even if they are close.
        if (
            last is not None
            and one.start - last.end < timedelta(seconds=gap_s)
            and (last.images or one.images)
        ):
            last.end = max(last.end, one.end)
            last.images += one.images
            last.known += one.known
        else:
            joined.append(SequenceSpan(one.start, one.end, list(one.images), list(one.known)))
    return [one for one in joined if one.images]
