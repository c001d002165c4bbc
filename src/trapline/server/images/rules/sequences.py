"""Sequences: images of one deployment closer to each other than a gap, and what new ones do to those that are there."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, TypeVar

Key = TypeVar("Key")


@dataclass
class SequenceSpan(Generic[Key]):
    """A stretch of time with its images: a new one, or with `known` one that is there already."""

    start: datetime
    end: datetime
    images: list[Key] = field(default_factory=list)
    known: list[Key] = field(default_factory=list)


def split_sequences(
    images: Iterable[tuple[Key, datetime]], gap_s: float
) -> list[SequenceSpan[Key]]:
    """Divide images, in the order of their times, wherever two of them are not closer than the gap."""
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
    """Join new stretches with those that are there and closer than the gap; answers those that have new images."""
    joined: list[SequenceSpan[Key]] = []
    for one in sorted([*new, *old], key=lambda stretch: stretch.start):
        last = joined[-1] if joined else None
        # Those that are there are as their time says, also where two of them stand close.
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
